"""Documents for tests: registered, uploaded, processed, reviewed through the functions themselves."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import quote_plus
from uuid import UUID, uuid4

import httpx

from shared.db import Query
from shared.events import MINUTE_PASSED, CloudEvent
from tests.functions.client import FunctionClient, Person

BASE = "/api/infra/documents"
CONTENT = "제1조(목적) 이 규정은 연차 휴가에 관한 사항을 정한다.".encode()
CREATOR = Person(("VIDEO_CREATOR",))
ADMIN = Person(("SYSTEM_ADMIN",))
REVIEWER = Person(("CONTENTS_REVIEWER",))
EMPLOYEE = Person(department="인사팀")
STRANGER = Person(department="영업팀")


def new_document(content: bytes = CONTENT, **changes: Any) -> dict[str, Any]:
    """The body that registers a document."""
    return {
        "title": "취업규칙",
        "domain": "POLICY",
        "departments": [],
        "filename": "취업규칙 (2026).txt",
        "content_type": "text/plain",
        "size": len(content),
        "sha256": hashlib.sha256(content).hexdigest(),
    } | changes


@dataclass(frozen=True)
class Held:
    """A version that a test has made."""

    document_id: str
    number: int
    id: str
    key: str
    upload: dict[str, Any] = field(repr=False)

    @property
    def path(self) -> str:
        """Where it answers."""
        return f"{BASE}/{self.document_id}/versions/{self.number}"


@dataclass
class Library:
    """Makes versions, and tells the functions what S3 and the LLM host would tell them."""

    documents: FunctionClient
    ingest: FunctionClient
    bucket: str
    http: httpx.AsyncClient

    async def call(self, method: str, path: str, who: Person = CREATOR, **arguments: Any) -> httpx.Response:
        """A call of `infra-documents`."""
        headers = {**who.headers, **arguments.pop("headers", {})}
        return await self.documents.http.request(method, path, headers=headers, **arguments)

    async def register(self, who: Person = CREATOR, **changes: Any) -> Held:
        """A document whose first version waits for its file."""
        return held(await self.call("POST", BASE, who, json=new_document(**changes)))

    async def register_next(self, document_id: str, who: Person = CREATOR, **changes: Any) -> Held:
        """A further version that waits for its file."""
        body = {name: value for name, value in new_document().items() if name in FILE_FIELDS} | changes
        return held(await self.call("POST", f"{BASE}/{document_id}/versions", who, json=body))

    async def put(self, version: Held, content: bytes = CONTENT) -> None:
        """Uploads the file, as a browser does."""
        (
            await self.http.put(version.upload["url"], content=content, headers=version.upload["headers"])
        ).raise_for_status()

    async def uploaded(self, **changes: Any) -> Held:
        """A version whose file has arrived."""
        version = await self.register(**changes)
        await self.upload(version)
        return version

    async def upload(self, version: Held) -> None:
        """Uploads the file and says so."""
        await self.put(version)
        (await self.call("POST", f"{version.path}/complete")).raise_for_status()

    async def processing(self, **changes: Any) -> Held:
        """A version that the LLM host has taken."""
        version = await self.uploaded(**changes)
        (await self.tell("uploaded", version)).raise_for_status()
        return version

    async def ready(self, **changes: Any) -> Held:
        """A version whose processing is done."""
        version = await self.processing(**changes)
        await self.finish(version)
        return version

    async def next_ready(self, document_id: str, who: Person = CREATOR, **changes: Any) -> Held:
        """A further version whose processing is done."""
        version = await self.register_next(document_id, who, **changes)
        await self.upload(version)
        (await self.tell("uploaded", version)).raise_for_status()
        await self.finish(version)
        return version

    async def finish(self, version: Held, attempt: int = 1) -> None:
        """Reports what the host reports of a processing that went well: two chunks."""
        (await self.report("chunked", version, attempt=attempt, chunks=two_chunks())).raise_for_status()
        (await self.report("indexed", version, **counts(attempt))).raise_for_status()

    async def pending(self, **changes: Any) -> Held:
        """A version that waits for its review."""
        version = await self.ready(**changes)
        (await self.call("POST", f"{version.path}/submit")).raise_for_status()
        return version

    async def approve(self, version: Held) -> None:
        """Submits a version and approves it."""
        (await self.call("POST", f"{version.path}/submit")).raise_for_status()
        (await self.call("POST", f"{version.path}/approve", REVIEWER)).raise_for_status()

    async def searchable(self, **changes: Any) -> Held:
        """A version that answers are drawn from."""
        version = await self.ready(**changes)
        await self.make_searchable(version)
        return version

    async def make_searchable(self, version: Held) -> None:
        """Approves a version and has the host report that it can be found."""
        await self.approve(version)
        (await self.tell("approved", version)).raise_for_status()
        (await self.report("activated", version)).raise_for_status()

    async def tell(self, what: str, version: Held) -> httpx.Response:
        """An event of `infra-documents`."""
        event = f"baeum.infra.document.{what}"
        return await self.ingest.deliver(
            CloudEvent(event, "/functions/infra-documents", version.id, {"version_id": version.id})
        )

    async def report(self, what: str, version: Held, **data: Any) -> httpx.Response:
        """A report of the LLM host."""
        return await self.ingest.deliver(report(what, version.id, **data))

    async def notify(self, *records: Mapping[str, Any]) -> httpx.Response:
        """A notification of S3, as its source delivers it: with an id that is new each time."""
        return await self.ingest.deliver(sqs_event({"Records": list(records)}))

    def created(self, version: Held, **changes: Any) -> dict[str, Any]:
        """The record of an object that was put."""
        return record(self.bucket, version.key, **changes)

    async def minute(self, **later: float) -> None:
        """A minute event at a time that lies `later` (the arguments of timedelta)."""
        time = datetime.now(UTC) + timedelta(**later)
        event = CloudEvent(MINUTE_PASSED, "/schedule", "infra-ingest", time=time)
        (await self.ingest.deliver(event)).raise_for_status()

    async def version(self, version: Held, who: Person = CREATOR) -> dict[str, Any]:
        """How a version stands, as its author reads it."""
        answer = await self.call("GET", version.path, who)
        answer.raise_for_status()
        body: dict[str, Any] = answer.json()
        return body

    async def state(self, version: Held) -> str:
        """The processing state of a version, deleted or not."""
        return str(await self.column(version, "processing_state"))

    async def column(self, version: Held, name: str) -> Any:
        """One column of a version, as text."""
        return await self.one(f"SELECT {name}::text FROM infra.document_version WHERE id = %(id)s", id=UUID(version.id))

    async def one(self, sql: str, **values: object) -> Any:
        """The one value of a statement."""
        query = Query[Any](str, sql, **dict.fromkeys(values, object))  # type: ignore[arg-type]
        async with self.ingest.context.database.transaction() as session:
            return await session.first(query, **values)

    async def actions(self, version: Held) -> list[str]:
        """What the history tells, in order."""
        return [entry["action"] for entry in (await self.version(version))["history"]]


FILE_FIELDS = ("filename", "content_type", "size", "sha256")


def held(answer: httpx.Response) -> Held:
    """The version in the answer to a registration."""
    assert answer.status_code == 201, answer.text
    body = answer.json()
    version = body["version"]
    key = f"documents/{body['document_id']}/{version['id']}/{version['filename']}"
    return Held(body["document_id"], version["number"], version["id"], key, body["upload"])


async def put_parts(http: httpx.AsyncClient, upload: dict[str, Any], size: int) -> list[dict[str, Any]]:
    """Puts `size` zero bytes over the parts of an upload; what `complete` has to be told."""
    done = []
    for part in upload["parts"]:
        length = min(upload["part_bytes"], size)
        if length == 0:
            break
        answer = await http.put(part["url"], content=bytes(length), timeout=60)
        answer.raise_for_status()
        done.append({"number": part["number"], "etag": answer.headers["etag"]})
        size -= length
    return done


def two_chunks() -> list[dict[str, Any]]:
    """Two chunks as the host reports them."""
    return [
        {"position": 0, "text": "제1조(목적)", "page": 1, "heading": "총칙", "clause": "제1조"},
        {"position": 1, "text": "제2조(연차)", "page": 2, "heading": None, "clause": "제2조"},
    ]


def counts(attempt: int = 1, chunks: int = 2) -> dict[str, int]:
    """The data of `indexed`."""
    return {"attempt": attempt, "pages": 2, "characters": 14, "chunks": chunks}


def report(what: str, version_id: str, **data: Any) -> CloudEvent:
    """A report of the LLM host, to be delivered any number of times."""
    return CloudEvent(f"baeum.llm.document.{what}", "/llm-host", version_id, data)


def sqs_event(body: Mapping[str, Any]) -> CloudEvent:
    """A message of the queue as the SQS source of Knative wraps it."""
    return CloudEvent(
        "dev.knative.eventing.aws-sqs", "dev.knative.eventing.aws-sqs-source", "aws-sqs-source", body, id=uuid4().hex
    )


def record(
    bucket: str, key: str, name: str = "ObjectCreated:Put", size: int | None = len(CONTENT), sequencer: str = "0A"
) -> dict[str, Any]:
    """One record of a notification, as S3 writes it."""
    stored: dict[str, Any] = {"key": quote_plus(key), "sequencer": sequencer}
    if size is not None:
        stored |= {"size": size, "eTag": "d41d8cd98f00b204e9800998ecf8427e"}
    return {
        "eventVersion": "2.1",
        "eventSource": "aws:s3",
        "awsRegion": "ap-northeast-2",
        "eventTime": "2026-11-23T00:00:00.000Z",
        "eventName": name,
        "userIdentity": {"principalId": "AWS:EXAMPLE"},
        "requestParameters": {"sourceIPAddress": "192.0.2.1"},
        "responseElements": {"x-amz-request-id": "EXAMPLE"},
        "s3": {
            "s3SchemaVersion": "1.0",
            "configurationId": "documents",
            "bucket": {"name": bucket, "arn": f"arn:aws:s3:::{bucket}"},
            "object": stored,
        },
    }

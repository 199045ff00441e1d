"""The main job, as people would do it: documents are uploaded, processed and approved, and three questions are asked."""

import asyncio
import hashlib
import json
import time
from collections.abc import AsyncIterator, Awaitable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from scripts.catalogue import ROOT

SAMPLES = ROOT / "tests" / "samples"
QUESTIONS = 3
_DOCUMENTS = "/api/infra/documents"
_PROCESSING_SECONDS = 300.0
_POLL_SECONDS = 0.3
_AT_ONCE = 4
_IN_WORDS = {"REGISTERED": "업로드", "UPLOADED": "처리 대기", "PROCESSING": "처리", "READY": "검토", "FAILED": "실패"}

_UPLOADER = {"X-User-UUID": "01920000-0000-7000-8000-00000000000a", "X-User-Roles": "VIDEO_CREATOR"}
_REVIEWER = {"X-User-UUID": "01920000-0000-7000-8000-00000000000b", "X-User-Roles": "CONTENTS_REVIEWER"}
_EMPLOYEE = {"X-User-UUID": "01920000-0000-7000-8000-00000000000c"}


class StepFailed(Exception):  # noqa: N818 - what it says
    """A step of the main job did not do what it should; the message says what, in Korean."""


@dataclass(frozen=True, slots=True)
class Sample:
    """A document of tests/samples."""

    path: Path
    title: str
    domain: str
    departments: list[str]
    content_type: str

    def registration(self, content: bytes) -> dict[str, Any]:
        """What the API is told of it."""
        return {
            "title": self.title,
            "domain": self.domain,
            "departments": self.departments,
            "filename": self.path.name,
            "content_type": self.content_type,
            "size": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        }


@dataclass(frozen=True, slots=True)
class Version:
    """Where a version of a document is."""

    document_id: str
    number: int

    @property
    def path(self) -> str:
        return f"{_DOCUMENTS}/{self.document_id}/versions/{self.number}"


async def run(gateway: str, console: Console) -> bool:
    """Does the main job on a running platform and shows it. False when any step failed."""
    catalogue = json.loads((SAMPLES / "catalogue.json").read_text())
    samples = [Sample(SAMPLES / each.pop("file"), **each) for each in catalogue]
    titles = {sample.path.name: sample.title for sample in samples}
    questions = json.loads((SAMPLES / "questions.json").read_text())[:QUESTIONS]
    async with httpx.AsyncClient(base_url=gateway, timeout=60) as client:
        done = await _said(_publish_all(client, samples, console), console)
        for question in questions:
            done = await _said(_ask(client, question, titles[question["document"]], console), console) and done
    return done


async def _said(step: Awaitable[None], console: Console) -> bool:
    """Whether a step succeeded; if not, says why."""
    try:
        await step
    except (StepFailed, httpx.HTTPError) as failure:
        console.print(f"✗ {failure or repr(failure)}", style="red", markup=False, highlight=False, soft_wrap=True)
        return False
    return True


async def _publish_all(client: httpx.AsyncClient, samples: list[Sample], console: Console) -> None:
    """Has every sample processed and approved, a few at a time. Raises StepFailed when any of them failed."""
    known = await _known(client)
    places = asyncio.Semaphore(_AT_ONCE)
    columns = (TextColumn("{task.description}"), BarColumn(), TextColumn("{task.fields[stage]}"), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:

        async def publish(sample: Sample) -> bool:
            bar = progress.add_task(escape(sample.title), total=100, stage="기다림", start=False)
            async with places:
                progress.start_task(bar)
                try:
                    await _publish(client, sample, known, progress, bar)
                except (StepFailed, httpx.HTTPError) as failure:
                    progress.update(bar, stage=f"[red]✗ {escape(str(failure) or repr(failure))}[/red]")
                    return False
                return True

        done = await asyncio.gather(*(publish(sample) for sample in samples))
    if not all(done):
        raise StepFailed(f"문서 {len(done)}건 가운데 {done.count(False)}건이 검색할 수 있게 되지 않았습니다.")


async def _known(client: httpx.AsyncClient) -> dict[str, Version]:
    """What has been uploaded before, by the SHA-256 of its file."""
    known: dict[str, Version] = {}
    parameters: dict[str, Any] = {"mine": True, "limit": 100}
    while True:
        page = await _call(client, "GET", _DOCUMENTS, _UPLOADER, params=parameters)
        for item in page["items"]:
            version = item["version"]
            if version["processing_state"] not in ("EXPIRED", "FAILED", "REMOVING", "REMOVED"):
                known[version["sha256"]] = Version(item["id"], version["number"])
        if page["next_cursor"] is None:
            return known
        parameters["cursor"] = page["next_cursor"]


async def _publish(
    client: httpx.AsyncClient, sample: Sample, known: dict[str, Version], progress: Progress, bar: TaskID
) -> None:
    """From a file to a document that answers are drawn from; goes on where an earlier run stopped."""
    content = sample.path.read_bytes()
    registration = sample.registration(content)
    version = known.get(registration["sha256"])
    if version is None:
        registered = await _call(client, "POST", _DOCUMENTS, _UPLOADER, json=registration)
        version = Version(registered["document_id"], registered["version"]["number"])
        await _put(client, registered["upload"], content)
    elif (await _call(client, "GET", version.path, _UPLOADER))["processing_state"] == "REGISTERED":
        await _put(client, await _call(client, "POST", f"{version.path}/upload", _UPLOADER), content)

    state = await _wait(client, version, progress, bar, until="processing_state")
    if state["review_state"] in ("DRAFT", "REJECTED"):
        state = await _call(client, "POST", f"{version.path}/submit", _UPLOADER)
    if state["review_state"] == "PENDING":
        await _call(client, "POST", f"{version.path}/approve", _REVIEWER)
    await _wait(client, version, progress, bar, until="searchable_at")
    progress.update(bar, completed=100, stage="[green]✓ 검색 가능[/green]")


async def _put(client: httpx.AsyncClient, upload: dict[str, Any], content: bytes) -> None:
    answer = await client.put(upload["url"], content=content, headers=upload["headers"])
    if not answer.is_success:
        raise StepFailed(f"파일을 올리지 못했습니다 (S3 {answer.status_code}).")


async def _wait(
    client: httpx.AsyncClient, version: Version, progress: Progress, bar: TaskID, *, until: str
) -> dict[str, Any]:
    """Shows how far a version is until it is READY (`processing_state`) or can be found (`searchable_at`)."""
    deadline = time.monotonic() + _PROCESSING_SECONDS
    while time.monotonic() < deadline:
        state = await _call(client, "GET", version.path, _UPLOADER)
        if state["processing_state"] == "FAILED":
            raise StepFailed(state["failure_reason"])
        reached = state[until] == "READY" if until == "processing_state" else state[until]
        if reached:
            return state
        stage = _IN_WORDS.get(state["processing_state"], state["processing_state"])
        # The last tenth is the review, and the activation after it.
        progress.update(bar, completed=state["progress"] * 0.9, stage=f"{stage} {state['stage'] or ''}")
        await asyncio.sleep(_POLL_SECONDS)
    raise StepFailed(f"{_PROCESSING_SECONDS:g}초 안에 처리되지 않았습니다.")


async def _ask(client: httpx.AsyncClient, question: dict[str, Any], title: str, console: Console) -> None:
    """Asks a question, prints the answer as it comes and then what it stands on.

    Raises StepFailed for an answer without sources, and for one whose sources are not from the document that knows it.
    """
    console.print(f"\n[bold]질문[/bold] {escape(question['question'])}", highlight=False)
    headers = _EMPLOYEE | {"Accept": "text/event-stream"}
    if question["department"]:
        headers["X-User-Department"] = quote(question["department"])
    session = await _call(client, "POST", "/api/chat/sessions", _EMPLOYEE, json={})
    body = {"session_id": session["id"], "content": question["question"]}
    async with client.stream("POST", "/api/chat/messages", headers=headers, json=body) as answer:
        if not answer.is_success:
            raise StepFailed(_detail(await answer.aread()))
        sources = await _shown(answer, console)
    for source in sources:
        console.print(f"  [{source['number']}] {_where(source)}", markup=False, highlight=False, style="dim")
    if not sources:
        raise StepFailed("출처 없는 답변입니다.")
    if title not in {source["title"] for source in sources}:
        raise StepFailed(f"출처에 '{title}'이(가) 없습니다.")


async def _shown(answer: httpx.Response, console: Console) -> list[dict[str, Any]]:
    """Prints an answer as it comes: the sources that it cites. Raises StepFailed when it ends with an error."""
    sources: list[dict[str, Any]] = []
    cited: list[int] = []
    async for event, data in _events(answer):
        match event:
            case "sources":
                sources = data["sources"]
            case "delta":
                console.print(data["text"], end="", markup=False, highlight=False, soft_wrap=True)
            case "done":
                cited = data["cited"]
            case "error":
                raise StepFailed(data["detail"])
    console.print()
    return [source for source in sources if source["number"] in cited]


async def _events(answer: httpx.Response) -> AsyncIterator[tuple[str, dict[str, Any]]]:
    """The events of a stream: name and data."""
    name = ""
    async for line in answer.aiter_lines():
        field, _, value = line.partition(": ")
        if field == "event":
            name = value
        elif field == "data":
            yield name, json.loads(value)


def _where(source: dict[str, Any]) -> str:
    """Title, page and clause of a source, as far as it has them."""
    page = f"{source['page']}쪽" if source["page"] else None
    parts = [source["title"], page, source["clause"] or source["heading"]]
    return ", ".join(part for part in parts if part)


async def _call(
    client: httpx.AsyncClient,
    method: str,
    path: str,
    who: dict[str, str],
    *,
    json: dict[str, Any] | None = None,
    params: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """A JSON call as somebody. Raises StepFailed with what the API says when it refuses."""
    answer = await client.request(method, path, headers=who, json=json, params=params)
    if not answer.is_success:
        raise StepFailed(_detail(answer.content))
    result: dict[str, Any] = answer.json()
    return result


def _detail(problem: bytes) -> str:
    try:
        return str(json.loads(problem)["detail"])
    except (ValueError, KeyError):
        return problem.decode(errors="replace")[:300]

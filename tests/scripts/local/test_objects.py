"""S3 and SQS of one machine: what was put is still there, and what is there was announced."""

import asyncio
import os
import re
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import unquote_plus

import boto3
import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scripts.catalogue import ROOT
from scripts.local.serving import serving
from scripts.local.sockets import listen, port_of
from shared.events import CloudEvent, parse
from tests.scripts.local.conftest import until

BUCKET = "baeum-documents"
KEY = "문서/휴가 규정+부칙.pdf"
ENVIRON = {
    "PATH": os.environ["PATH"],
    "AWS_ACCESS_KEY_ID": "key",
    "AWS_SECRET_ACCESS_KEY": "secret",
    "AWS_DEFAULT_REGION": "ap-northeast-2",
    "MOTO_DISABLE_GLOBAL_CORS": "true",
}


@dataclass
class Broker:
    """Takes events, unless it is told not to."""

    url: str
    takes: bool = True
    events: list[CloudEvent] = field(default_factory=list)

    def announced(self) -> list[tuple[str, str]]:
        """What happened to which key, in the order of arrival."""
        records = [record for event in self.events for record in event.data["Records"]]
        return [(record["eventName"], unquote_plus(record["s3"]["object"]["key"])) for record in records]


@dataclass
class Server:
    """A running server; `s3` is a boto3 client."""

    s3: Any
    process: asyncio.subprocess.Process

    async def kill(self) -> None:
        self.process.kill()
        await self.process.wait()


Start = Callable[[], Awaitable[Server]]


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async def receive(request: Request) -> Response:
        if not broker.takes:
            return Response(status_code=503)
        broker.events.append(parse(dict(request.headers), await request.body()))
        return Response(status_code=202)

    with listen() as listener:
        broker = Broker(f"http://127.0.0.1:{port_of(listener)}/broker")
        async with serving(Starlette(routes=[Route("/broker", receive, methods=["POST"])]), listener):
            yield broker


@pytest.fixture
async def start(broker: Broker, tmp_path: Path) -> AsyncIterator[Start]:
    """Starts the server on the same folder each time."""
    servers: list[Server] = []

    async def starting() -> Server:
        with listen() as listener:
            url = f"http://127.0.0.1:{port_of(listener)}"
            command = [sys.executable, "-m", "scripts.local.objects"]
            arguments = [str(listener.fileno()), str(tmp_path), BUCKET, broker.url]
            process = await asyncio.create_subprocess_exec(
                *command, *arguments, cwd=ROOT, env=ENVIRON, pass_fds=[listener.fileno()]
            )
        s3 = boto3.client(
            "s3",
            endpoint_url=url,
            region_name="ap-northeast-2",
            aws_access_key_id="key",
            aws_secret_access_key="secret",
        )
        servers.append(Server(s3, process))
        async with httpx.AsyncClient(timeout=30) as client:

            async def ready() -> bool:
                return (await client.get(f"{url}/_ready")).status_code == 204

            await until(ready)
        return servers[-1]

    yield starting
    for server in servers:
        if server.process.returncode is None:
            await server.kill()


def versions(server: Server) -> list[tuple[Any, ...]]:
    listed = server.s3.list_object_versions(Bucket=BUCKET)
    kept = [(each["Key"], each["VersionId"], each["ETag"], each["IsLatest"]) for each in listed.get("Versions", [])]
    return kept + [(each["Key"], each["VersionId"]) for each in listed.get("DeleteMarkers", [])]


async def test_what_was_put_survives_kill_9_and_is_not_announced_again(start: Start, broker: Broker) -> None:
    server = await start()
    server.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"first", ContentType="application/pdf", Metadata={"a": "b"})
    server.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"second")
    server.s3.put_object(Bucket=BUCKET, Key="deleted", Body=b"x")
    server.s3.delete_object(Bucket=BUCKET, Key="deleted")
    await until(lambda: len(broker.events) == 4)
    before = versions(server)
    # The broker has them; whether that was written down too shows in the server's own next poll of its queue.
    await until(lambda: _all_announced(server))
    await server.kill()

    server = await start()

    assert versions(server) == before
    oldest = next(
        version for key, version, _, latest in (row for row in before if len(row) == 4) if key == KEY and not latest
    )
    first = server.s3.get_object(Bucket=BUCKET, Key=KEY, VersionId=oldest)
    assert (first["Body"].read(), first["ContentType"], first["Metadata"]) == (b"first", "application/pdf", {"a": "b"})
    assert server.s3.get_object(Bucket=BUCKET, Key=KEY)["Body"].read() == b"second"
    server.s3.put_object(Bucket=BUCKET, Key="marker", Body=b"x")
    await until(lambda: ("ObjectCreated:Put", "marker") in broker.announced())
    assert len(broker.events) == 5


async def test_a_put_whose_announcement_was_lost_is_announced_after_the_restart(start: Start, broker: Broker) -> None:
    broker.takes = False
    server = await start()
    server.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"content")
    await server.kill()
    broker.takes = True

    await start()

    await until(lambda: broker.announced() == [("ObjectCreated:Put", KEY)])


async def test_the_event_is_the_one_that_knative_s_source_sends(start: Start, broker: Broker) -> None:
    server = await start()
    put = server.s3.put_object(Bucket=BUCKET, Key=KEY, Body=b"content")
    await until(lambda: broker.events)
    [event] = broker.events
    assert event.type == "dev.knative.eventing.aws-sqs"
    assert (event.source, event.subject) == ("dev.knative.eventing.aws-sqs-source", "aws-sqs-source")
    assert re.fullmatch(r"[0-9A-Z]{15}-[0-9]{16}", event.id)
    [record] = event.data["Records"]
    assert record["s3"]["bucket"]["name"] == BUCKET
    thing = record["s3"]["object"]
    assert thing["key"] == "%EB%AC%B8%EC%84%9C%2F%ED%9C%B4%EA%B0%80+%EA%B7%9C%EC%A0%95%2B%EB%B6%80%EC%B9%99.pdf"
    assert (thing["size"], f'"{thing["eTag"]}"', thing["versionId"]) == (7, put["ETag"], put["VersionId"])
    assert re.fullmatch(r"[0-9A-F]{18}", thing["sequencer"])


async def test_an_upload_in_parts_is_one_object_announced_once(start: Start, broker: Broker) -> None:
    server = await start()
    where = {"Bucket": BUCKET, "Key": "video.mp4"}
    upload = where | {"UploadId": server.s3.create_multipart_upload(**where)["UploadId"]}
    sizes = [5 << 20, 1]
    parts = [
        {"PartNumber": number, "ETag": server.s3.upload_part(**upload, PartNumber=number, Body=b"x" * size)["ETag"]}
        for number, size in enumerate(sizes, 1)
    ]
    server.s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    await until(lambda: broker.events)
    assert broker.announced() == [("ObjectCreated:CompleteMultipartUpload", "video.mp4")]
    await server.kill()
    assert (await start()).s3.head_object(**where)["ContentLength"] == sum(sizes)


async def test_a_presigned_upload_works_from_a_page_of_this_machine_only(start: Start) -> None:
    server = await start()
    parameters = {"Bucket": BUCKET, "Key": KEY, "ContentType": "application/pdf"}
    url = server.s3.generate_presigned_url("put_object", Params=parameters)
    asked = {"Access-Control-Request-Method": "PUT", "Access-Control-Request-Headers": "content-type"}
    async with httpx.AsyncClient() as client:
        mine = await client.options(url, headers=asked | {"Origin": "http://localhost:5173"})
        foreign = await client.options(url, headers=asked | {"Origin": "https://pages.example.com"})
        put = await client.put(url, content=b"content", headers={"Content-Type": "application/pdf"})
    assert mine.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert foreign.status_code == 403
    assert put.status_code == 200
    assert server.s3.head_object(Bucket=BUCKET, Key=KEY)["ContentType"] == "application/pdf"


def _all_announced(server: Server) -> bool:
    sqs = boto3.client(
        "sqs",
        endpoint_url=server.s3.meta.endpoint_url,
        region_name="ap-northeast-2",
        aws_access_key_id="key",
        aws_secret_access_key="secret",
    )
    queue = sqs.get_queue_url(QueueName="baeum-objects")["QueueUrl"]
    names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
    left = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=names)["Attributes"]
    return all(int(left[name]) == 0 for name in names)

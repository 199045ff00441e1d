"""From a registered version to one whose file is there, whoever says so first; and back out as a download."""

import asyncio
import socket
from typing import Any

from shared.storage import PART_BYTES
from tests.conftest import StartFunction
from tests.functions.client import Person
from tests.functions.doubles import BrokerDouble
from tests.functions.infra.library import (
    ADMIN,
    BASE,
    CONTENT,
    CREATOR,
    EMPLOYEE,
    REVIEWER,
    STRANGER,
    Library,
    held,
    new_document,
    put_parts,
)

UPLOADED = "baeum.infra.document.uploaded"


async def test_completing_an_upload_announces_it_once(library: Library, broker: BrokerDouble) -> None:
    version = await library.register()
    await library.put(version)
    answers = [await library.call("POST", f"{version.path}/complete") for _ in range(3)]
    assert [answer.json()["processing_state"] for answer in answers] == ["UPLOADED"] * 3
    (event,) = await asyncio.to_thread(broker.wait_for, UPLOADED)
    assert event.data == {"version_id": version.id}
    assert await library.actions(version) == ["REGISTERED", "UPLOADED"]


async def test_completing_before_the_upload_is_a_conflict(library: Library) -> None:
    version = await library.register()
    answer = await library.call("POST", f"{version.path}/complete")
    assert (answer.status_code, answer.json()["code"]) == (409, "document.not_uploaded")
    assert await library.state(version) == "REGISTERED"


async def test_a_file_of_another_size_is_refused_and_can_be_uploaded_again(
    library: Library, s3: Any, bucket: str
) -> None:
    version = await library.register()
    s3.put_object(Bucket=bucket, Key=version.key, Body=CONTENT + b"more")
    answer = await library.call("POST", f"{version.path}/complete")
    assert (answer.status_code, answer.json()["code"]) == (422, "document.size_mismatch")
    await library.upload(version)
    assert await library.state(version) == "UPLOADED"


async def test_complete_and_s3_are_one_upload_in_either_order(library: Library, broker: BrokerDouble) -> None:
    by_caller, by_s3 = await library.register(), await library.register()
    for version in (by_caller, by_s3):
        await library.put(version)
    await library.call("POST", f"{by_caller.path}/complete")
    await library.notify(library.created(by_caller))
    await library.notify(library.created(by_s3))
    assert (await library.call("POST", f"{by_s3.path}/complete")).status_code == 200
    for version in (by_caller, by_s3):
        assert await library.actions(version) == ["REGISTERED", "UPLOADED"]
    events = await asyncio.to_thread(broker.wait_for, UPLOADED, 2)
    assert sorted(event.subject for event in events) == sorted([by_caller.id, by_s3.id])


async def test_complete_and_s3_at_the_same_moment_are_one_upload(library: Library) -> None:
    versions = [await library.register() for _ in range(5)]
    for version in versions:
        await library.put(version)
    calls = [library.call("POST", f"{version.path}/complete") for version in versions]
    notices = [library.notify(library.created(version)) for version in versions]
    answers = await asyncio.gather(*calls, *notices)
    assert {answer.status_code for answer in answers} == {200, 204}
    for version in versions:
        assert await library.actions(version) == ["REGISTERED", "UPLOADED"]
    assert await library.one(f"SELECT count(*)::text FROM infra.outbox WHERE type = '{UPLOADED}'") == "5"


async def test_a_file_in_parts_becomes_one_object(library: Library, s3: Any, bucket: str) -> None:
    size = PART_BYTES + 5
    version = await library.register(size=size)
    parts = await put_parts(library.http, version.upload, size)
    answer = await library.call("POST", f"{version.path}/complete", json={"parts": parts})
    assert (answer.status_code, answer.json()["processing_state"]) == (200, "UPLOADED")
    assert s3.head_object(Bucket=bucket, Key=version.key)["ContentLength"] == size
    again = await library.call("POST", f"{version.path}/complete", json={"parts": parts})
    assert again.status_code == 200


async def test_parts_that_were_never_put_are_refused(library: Library) -> None:
    version = await library.register(size=PART_BYTES + 5)
    parts = [{"number": 1, "etag": '"d41d8cd98f00b204e9800998ecf8427e"'}]
    answer = await library.call("POST", f"{version.path}/complete", json={"parts": parts})
    assert (answer.status_code, answer.json()["code"]) == (422, "storage.parts_invalid")
    assert (await library.call("POST", f"{version.path}/complete")).json()["code"] == "document.not_uploaded"


async def test_fresh_urls_go_on_with_the_parts_that_are_there(library: Library) -> None:
    version = await library.register(size=PART_BYTES + 5)
    parts = await put_parts(library.http, version.upload, PART_BYTES)
    fresh = (await library.call("POST", f"{version.path}/upload", ADMIN)).json()
    assert fresh["upload_id"] == version.upload["upload_id"]
    last = {**fresh, "parts": fresh["parts"][1:]}
    parts += await put_parts(library.http, last, 5)
    answer = await library.call("POST", f"{version.path}/complete", json={"parts": parts})
    assert answer.json()["processing_state"] == "UPLOADED"


async def test_urls_are_given_only_until_the_file_is_there(library: Library) -> None:
    version = await library.register()
    fresh = (await library.call("POST", f"{version.path}/upload")).json()
    assert (fresh["method"], fresh["headers"]) == ("PUT", version.upload["headers"])
    await library.upload(version)
    answer = await library.call("POST", f"{version.path}/upload")
    assert (answer.status_code, answer.json()["code"]) == (409, "document.already_uploaded")


async def test_only_those_who_manage_documents_upload(library: Library) -> None:
    version = await library.register()
    for step in ("upload", "complete"):
        for who in (EMPLOYEE, REVIEWER):
            assert (await library.call("POST", f"{version.path}/{step}", who)).status_code == 403
        assert (await library.call("POST", f"{version.path[:-1]}7/{step}")).status_code == 404


async def test_a_storage_that_is_down_is_a_passing_outage_and_registers_nothing_twice(
    library: Library, function: StartFunction, settings: dict[str, str]
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as closed:
        nowhere = f"http://127.0.0.1:{closed.getsockname()[1]}"
    cut_off = await function("infra-documents", **settings | {"S3_ENDPOINT_URL": nowhere})
    keyed = {"headers": {**CREATOR.headers, "Idempotency-Key": "a"}, "json": new_document(size=PART_BYTES + 1)}
    answer = await cut_off.http.post(BASE, **keyed)
    assert (answer.status_code, answer.json()["code"]) == (503, "storage.unavailable")
    assert int(answer.headers["Retry-After"]) > 0
    version = held(await library.documents.http.post(BASE, **keyed))
    assert len(version.upload["parts"]) == 2
    assert await library.one("SELECT count(*)::text FROM infra.document") == "1"


async def test_the_file_of_a_version_can_be_read_by_whom_it_concerns(library: Library) -> None:
    version = await library.searchable(departments=["인사팀"])
    for who in (ADMIN, REVIEWER, EMPLOYEE):
        found = (await library.call("GET", f"{version.path}/file", who)).json()
        assert (await library.http.get(found["url"])).content == CONTENT
    assert (await library.call("GET", f"{version.path}/file", STRANGER)).status_code == 404


async def test_a_file_that_was_never_uploaded_cannot_be_read(library: Library) -> None:
    version = await library.register()
    answer = await library.call("GET", f"{version.path}/file")
    assert (answer.status_code, answer.json()["code"]) == (409, "document.not_uploaded")
    assert (await library.call("GET", f"{version.path}/file", Person())).status_code == 404

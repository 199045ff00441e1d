"""The LLM host is asked for what a row wants: whatever breaks in between, nothing is lost and nothing is done twice."""

import asyncio
from uuid import UUID, uuid4

import psycopg
import pytest

from shared.events import CloudEvent
from tests.functions.infra.host import HostDouble
from tests.functions.infra.library import BASE, Library, counts, two_chunks


async def test_a_document_that_arrives_while_the_host_is_down_is_processed_when_it_is_back(
    library: Library, host: HostDouble
) -> None:
    version = await library.uploaded()
    host.down = True
    answer = await library.tell("uploaded", version)
    assert (answer.status_code, answer.json()["code"]) == (503, "llm.unavailable")
    assert (await library.state(version), await library.column(version, "attempt")) == ("UPLOADED", "0")
    host.down = False
    assert (await library.tell("uploaded", version)).status_code == 204
    assert (await library.state(version), host.jobs[version.id]["attempt"]) == ("PROCESSING", 1)


async def test_the_same_event_five_times_at_once_is_one_job(library: Library, host: HostDouble) -> None:
    version = await library.uploaded()
    answers = await asyncio.gather(*(library.tell("uploaded", version) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {204}
    assert (host.jobs[version.id]["attempt"], await library.column(version, "attempt")) == (1, "1")


async def test_a_process_that_dies_after_asking_asks_for_the_same_attempt_again(
    library: Library, host: HostDouble
) -> None:
    version = await library.uploaded()
    await library.tell("uploaded", version)
    # As if the process had been killed between the host's answer and its note of it.
    await library.one(
        "UPDATE infra.document_version SET processing_state = 'UPLOADED', attempt = 0 WHERE id = %(id)s RETURNING id::text",
        id=UUID(version.id),
    )
    await library.minute(minutes=2)
    assert (await library.state(version), host.jobs[version.id]["attempt"]) == ("PROCESSING", 1)
    await library.finish(version)
    assert await library.state(version) == "READY"


async def test_the_host_gets_what_it_needs_to_process_a_document(library: Library, host: HostDouble) -> None:
    version = await library.processing(title="보안 규정", domain="SECURITY", departments=["인사팀"])
    body = host.bodies[version.id]
    assert body.pop("url").startswith("http")
    assert len(body.pop("sha256")) == 64
    assert body == {
        "document_id": version.document_id,
        "attempt": 1,
        "title": "보안 규정",
        "number": 1,
        "domain": "SECURITY",
        "departments": ["인사팀"],
        "filename": "취업규칙 (2026).txt",
        "content_type": "text/plain",
        "size": 74,
    }


async def test_a_job_that_the_host_refuses_fails_with_its_reason(library: Library, host: HostDouble) -> None:
    version = await library.uploaded()
    host.refuse = (422, "document.type_unknown")
    assert (await library.tell("uploaded", version)).status_code == 204
    body = await library.version(version)
    assert (body["processing_state"], body["failure_code"]) == ("FAILED", "document.type_unknown")


async def test_a_host_that_does_not_know_us_fails_no_document(library: Library, host: HostDouble) -> None:
    version = await library.uploaded()
    host.refuse = (401, "auth.required")
    assert (await library.tell("uploaded", version)).status_code == 401
    assert await library.state(version) == "UPLOADED"


async def test_a_document_that_is_deleted_while_the_host_is_asked_is_removed_there(
    library: Library, host: HostDouble, database_url: str
) -> None:
    version = await library.uploaded()

    def delete_meanwhile() -> None:
        host.while_asked = None
        with psycopg.connect(database_url) as connection:
            connection.execute("UPDATE infra.document_version SET processing_state = 'REMOVING'")

    host.while_asked = delete_meanwhile
    assert (await library.tell("uploaded", version)).status_code == 204
    assert host.calls == ["process", "remove"]


async def test_an_event_about_a_row_that_wants_nothing_asks_for_nothing(library: Library, host: HostDouble) -> None:
    version = await library.searchable()
    host.calls.clear()
    for what in ("uploaded", "approved", "withdrawn"):
        assert (await library.tell(what, version)).status_code == 204
    assert host.calls == []


async def test_an_event_about_a_version_that_is_not_ours_asks_for_nothing(library: Library, host: HostDouble) -> None:
    stranger = str(uuid4())
    event = CloudEvent(
        "baeum.infra.document.uploaded", "/functions/infra-documents", stranger, {"version_id": stranger}
    )
    assert (await library.ingest.deliver(event)).status_code == 204
    assert host.calls == []


async def test_an_event_without_a_version_goes_to_the_dead_letters_at_once(library: Library) -> None:
    event = CloudEvent("baeum.infra.document.uploaded", "/functions/infra-documents", "", {"version_id": "nonsense"})
    assert (await library.ingest.deliver(event)).status_code == 422


async def test_an_approval_while_the_host_is_down_is_not_lost(library: Library, host: HostDouble) -> None:
    version = await library.ready()
    await library.approve(version)
    host.down = True
    assert (await library.tell("approved", version)).status_code == 503
    host.down = False
    await library.minute(minutes=2)
    assert host.called("activate") == 1


@pytest.mark.parametrize("step", ["archive", "delete"])
async def test_a_withdrawal_while_the_host_is_down_is_not_lost(library: Library, host: HostDouble, step: str) -> None:
    version = await library.searchable()
    if step == "archive":
        await library.call("POST", f"{version.path}/archive")
    else:
        await library.call("DELETE", f"{BASE}/{version.document_id}")
    host.down = True
    assert (await library.tell("withdrawn", version)).status_code == 503
    host.down = False
    await library.minute(minutes=2)
    assert host.called("remove") == 1


async def test_reports_that_were_lost_are_read_from_the_answer_of_the_host(library: Library, host: HostDouble) -> None:
    version = await library.ready()
    await library.approve(version)
    await library.tell("approved", version)
    host.jobs[version.id]["state"] = "DONE"
    await library.minute(minutes=2)
    assert (await library.version(version))["searchable_at"] is not None
    await library.call("DELETE", f"{BASE}/{version.document_id}")
    await library.tell("withdrawn", version)
    host.jobs[version.id]["state"] = "DONE"
    await library.minute(minutes=2)
    assert await library.state(version) == "REMOVED"


async def test_a_host_that_has_lost_a_document_gets_it_again(library: Library, host: HostDouble) -> None:
    version = await library.ready()
    await library.approve(version)
    host.refuse = (409, "document.not_indexed")
    assert (await library.tell("approved", version)).status_code == 204
    assert await library.state(version) == "UPLOADED"
    host.refuse = None
    await library.minute(minutes=2)
    await library.report("chunked", version, attempt=2, chunks=two_chunks())
    host.calls.clear()
    await library.report("indexed", version, **counts(2))
    assert host.calls == ["activate"]


async def test_what_was_replaced_is_removed_from_the_host_only_afterwards(library: Library, host: HostDouble) -> None:
    old = await library.searchable()
    new = await library.next_ready(old.document_id)
    await library.approve(new)
    await library.tell("withdrawn", old)
    assert host.called("remove") == 0
    await library.tell("approved", new)
    await library.report("activated", new)
    await library.tell("withdrawn", old)
    assert host.jobs[old.id]["kind"] == "remove"
    await library.report("removed", old)
    host.calls.clear()
    await library.minute(minutes=2)
    assert host.calls == []

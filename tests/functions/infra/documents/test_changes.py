"""Processing again, archiving, deleting: what is allowed when, and what is announced."""

import asyncio

from tests.functions.doubles import BrokerDouble
from tests.functions.infra.library import ADMIN, BASE, EMPLOYEE, REVIEWER, Library

WITHDRAWN = "baeum.infra.document.withdrawn"


async def test_a_ready_version_is_processed_again(library: Library, broker: BrokerDouble) -> None:
    version = await library.ready()
    answer = (await library.call("POST", f"{version.path}/reprocess", ADMIN)).json()
    assert (answer["processing_state"], answer["attempt"], answer["progress"]) == ("UPLOADED", 1, 0)
    events = await asyncio.to_thread(broker.wait_for, "baeum.infra.document.uploaded", 2)
    assert events[-1].data == {"version_id": version.id}
    await library.tell("uploaded", version)
    assert (await library.version(version))["attempt"] == 2


async def test_a_failed_version_is_processed_again(library: Library) -> None:
    version = await library.processing()
    await library.report("failed", version, attempt=1, code="document.encrypted", reason="암호", retryable=False)
    answer = (await library.call("POST", f"{version.path}/reprocess")).json()
    assert (answer["processing_state"], answer["failure_code"], answer["failure_reason"]) == ("UPLOADED", None, None)


async def test_a_version_on_its_way_is_not_processed_again(library: Library) -> None:
    for version in (await library.register(), await library.uploaded(), await library.processing()):
        answer = await library.call("POST", f"{version.path}/reprocess")
        assert (answer.status_code, answer.json()["code"]) == (409, "document.not_reprocessable")


async def test_an_approved_version_stays_readable_while_it_is_processed_again(library: Library) -> None:
    version = await library.searchable()
    await library.call("POST", f"{version.path}/reprocess")
    assert (await library.call("GET", f"{version.path}/chunks", EMPLOYEE)).json()["items"] != []


async def test_an_archived_version_cannot_be_found_from_that_moment(library: Library, broker: BrokerDouble) -> None:
    version = await library.searchable()
    answer = (await library.call("POST", f"{version.path}/archive")).json()
    assert (answer["review_state"], answer["searchable_at"]) == ("ARCHIVED", None)
    assert (await library.call("GET", version.path, EMPLOYEE)).status_code == 404
    (event,) = await asyncio.to_thread(broker.wait_for, WITHDRAWN)
    assert event.data == {"version_id": version.id}
    for step, code in (("archive", "review.not_approved"), ("reprocess", "document.not_reprocessable")):
        again = await library.call("POST", f"{version.path}/{step}")
        assert (again.status_code, again.json()["code"]) == (409, code)


async def test_archiving_before_the_change_is_live_withdraws_what_was_replaced_too(
    library: Library, broker: BrokerDouble
) -> None:
    old = await library.searchable()
    new = await library.next_ready(old.document_id)
    await library.approve(new)
    await library.call("POST", f"{new.path}/archive")
    assert (await library.call("GET", old.path, EMPLOYEE)).status_code == 404
    events = await asyncio.to_thread(broker.wait_for, WITHDRAWN, 2)
    assert {event.subject for event in events} == {old.id, new.id}


async def test_a_version_that_is_being_processed_is_archived_afterwards(library: Library) -> None:
    version = await library.searchable()
    await library.call("POST", f"{version.path}/reprocess")
    answer = await library.call("POST", f"{version.path}/archive")
    assert (answer.status_code, answer.json()["code"]) == (409, "document.in_progress")


async def test_a_deleted_document_is_gone_with_every_version(library: Library, broker: BrokerDouble) -> None:
    first = await library.searchable()
    second = await library.register_next(first.document_id)
    assert (await library.call("DELETE", f"{BASE}/{first.document_id}")).status_code == 204
    assert [await library.state(version) for version in (first, second)] == ["REMOVING", "REMOVING"]
    assert (await library.call("DELETE", f"{BASE}/{first.document_id}")).status_code == 404
    assert (await library.call("GET", BASE)).json()["items"] == []
    events = await asyncio.to_thread(broker.wait_for, WITHDRAWN, 2)
    assert {event.subject for event in events} == {first.id, second.id}
    history = "SELECT string_agg(action, ' ' ORDER BY at) FROM infra.document_history WHERE action = 'DELETED'"
    assert await library.one(history) == "DELETED DELETED"


async def test_of_deletions_at_the_same_moment_one_counts(library: Library) -> None:
    version = await library.ready()
    path = f"{BASE}/{version.document_id}"
    answers = await asyncio.gather(*(library.call("DELETE", path) for _ in range(5)))
    assert sorted(answer.status_code for answer in answers) == [204, 404, 404, 404, 404]


async def test_nothing_is_done_to_a_deleted_document(library: Library) -> None:
    version = await library.ready()
    await library.call("DELETE", f"{BASE}/{version.document_id}")
    for step in ("reprocess", "archive", "submit", "complete", "upload"):
        assert (await library.call("POST", f"{version.path}/{step}")).status_code == 404, step


async def test_only_those_who_manage_documents_change_them(library: Library) -> None:
    version = await library.searchable()
    for who in (EMPLOYEE, REVIEWER):
        for step in ("reprocess", "archive"):
            assert (await library.call("POST", f"{version.path}/{step}", who)).status_code == 403
        assert (await library.call("DELETE", f"{BASE}/{version.document_id}", who)).status_code == 403

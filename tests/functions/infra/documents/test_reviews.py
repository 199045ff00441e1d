"""Two pairs of eyes: a version is submitted by those who manage it and decided by somebody who did not make it."""

import asyncio

from tests.functions.client import Person
from tests.functions.doubles import BrokerDouble
from tests.functions.infra.library import ADMIN, CREATOR, EMPLOYEE, REVIEWER, Library

REASON = {"reason": "제2조의 시행일이 빠졌습니다.\n고쳐 주세요."}


async def test_a_version_is_submitted_once_it_is_ready(library: Library) -> None:
    version = await library.processing()
    early = await library.call("POST", f"{version.path}/submit")
    assert (early.status_code, early.json()["code"]) == (409, "document.not_ready")
    await library.finish(version)
    assert (await library.call("POST", f"{version.path}/submit")).json()["review_state"] == "PENDING"
    again = await library.call("POST", f"{version.path}/submit")
    assert (again.status_code, again.json()["code"]) == (409, "review.not_submittable")


async def test_an_approved_version_is_announced_and_can_be_found_later(library: Library, broker: BrokerDouble) -> None:
    version = await library.pending()
    answer = (await library.call("POST", f"{version.path}/approve", REVIEWER)).json()
    assert (answer["review_state"], answer["reviewed_by"]) == ("APPROVED", str(REVIEWER.id))
    assert answer["searchable_at"] is None
    (event,) = await asyncio.to_thread(broker.wait_for, "baeum.infra.document.approved")
    assert event.data == {"version_id": version.id}


async def test_nobody_reviews_their_own_version(library: Library) -> None:
    author = Person(("SYSTEM_ADMIN", "CONTENTS_REVIEWER"))
    first = await library.ready()
    version = await library.next_ready(first.document_id, author)
    await library.call("POST", f"{version.path}/submit")
    for step in ("approve", "reject"):
        answer = await library.call("POST", f"{version.path}/{step}", author, json=REASON)
        assert (answer.status_code, answer.json()["code"]) == (403, "review.own_version")
    assert (await library.version(version))["review_state"] == "PENDING"


async def test_only_reviewers_decide_and_only_managers_submit(library: Library) -> None:
    version = await library.pending()
    for step in ("approve", "reject"):
        for who in (CREATOR, EMPLOYEE):
            answer = await library.call("POST", f"{version.path}/{step}", who, json=REASON)
            assert answer.status_code == 403
    assert (await library.call("POST", f"{version.path}/submit", REVIEWER)).status_code == 403


async def test_a_rejected_version_says_why_and_may_come_back(library: Library) -> None:
    version = await library.pending()
    rejected = (await library.call("POST", f"{version.path}/reject", ADMIN, json=REASON)).json()
    assert (rejected["review_state"], rejected["review_comment"]) == ("REJECTED", REASON["reason"])
    entry = (await library.version(version))["history"][-1]
    assert (entry["action"], entry["actor"], entry["detail"]) == ("REJECTED", str(ADMIN.id), REASON["reason"])
    again = (await library.call("POST", f"{version.path}/submit")).json()
    assert (again["review_state"], again["review_comment"]) == ("PENDING", None)


async def test_a_rejection_needs_a_reason(library: Library) -> None:
    version = await library.register()
    for body in ({}, {"reason": " "}, {"reason": "가" * 2001}, {"reason": "\0"}):
        assert (await library.call("POST", f"{version.path}/reject", REVIEWER, json=body)).status_code == 422, body


async def test_only_a_pending_version_is_decided(library: Library) -> None:
    version = await library.ready()
    for step in ("approve", "reject"):
        answer = await library.call("POST", f"{version.path}/{step}", REVIEWER, json=REASON)
        assert (answer.status_code, answer.json()["code"]) == (409, "review.not_pending")
        missing = f"{version.path[:-1]}9/{step}"
        assert (await library.call("POST", missing, REVIEWER, json=REASON)).status_code == 404


async def test_a_newer_version_replaces_the_approved_one_without_a_gap(library: Library, broker: BrokerDouble) -> None:
    old = await library.searchable()
    new = await library.next_ready(old.document_id)
    await library.approve(new)
    assert (await library.version(old))["review_state"] == "ARCHIVED"
    assert (await library.version(old, EMPLOYEE))["number"] == 1
    await library.tell("approved", new)
    await library.report("activated", new)
    assert (await library.version(new, EMPLOYEE))["number"] == 2
    assert (await library.call("GET", old.path, EMPLOYEE)).status_code == 404
    (withdrawn,) = await asyncio.to_thread(broker.wait_for, "baeum.infra.document.withdrawn")
    assert withdrawn.data == {"version_id": old.id}


async def test_an_older_version_does_not_replace_a_newer_one(library: Library) -> None:
    old = await library.pending()
    new = await library.next_ready(old.document_id)
    await library.approve(new)
    answer = await library.call("POST", f"{old.path}/approve", REVIEWER)
    assert (answer.status_code, answer.json()["code"]) == (409, "review.newer_approved")


async def test_a_version_that_is_processed_again_waits_with_its_approval(library: Library) -> None:
    version = await library.pending()
    await library.call("POST", f"{version.path}/reprocess")
    answer = await library.call("POST", f"{version.path}/approve", REVIEWER)
    assert (answer.status_code, answer.json()["code"]) == (409, "document.not_ready")


async def test_of_two_approvals_at_the_same_moment_one_counts(library: Library) -> None:
    version = await library.pending()
    reviewers = [Person(("CONTENTS_REVIEWER",)) for _ in range(6)]
    answers = await asyncio.gather(*(library.call("POST", f"{version.path}/approve", who) for who in reviewers))
    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert (await library.actions(version)).count("APPROVED") == 1


async def test_versions_approved_at_the_same_moment_leave_the_newest(library: Library) -> None:
    first = await library.pending()
    others = [await library.next_ready(first.document_id) for _ in range(2)]
    for version in others:
        await library.call("POST", f"{version.path}/submit")
    versions = [first, *others]
    await asyncio.gather(*(library.call("POST", f"{version.path}/approve", REVIEWER) for version in versions))
    states = [(await library.version(version))["review_state"] for version in versions]
    assert states.count("APPROVED") == 1
    assert states[-1] == "APPROVED"

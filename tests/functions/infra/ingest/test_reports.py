"""What the LLM host reports: once in effect however often it comes, and only about the attempt that is under way."""

import asyncio
from typing import Any
from uuid import uuid4

from shared.events import CloudEvent
from tests.functions.infra.host import HostDouble
from tests.functions.infra.library import BASE, CREATOR, EMPLOYEE, Held, Library, counts, report, two_chunks

REASON = "암호가 걸린 문서입니다."
REPORTS: list[tuple[str, dict[str, Any]]] = [
    ("progressed", {"attempt": 1, "stage": "embed", "progress": 50}),
    ("chunked", {"attempt": 1, "chunks": two_chunks()}),
    ("indexed", counts()),
    ("failed", {"attempt": 1, "code": "a", "reason": "b", "retryable": True}),
    ("activated", {}),
    ("removed", {}),
]
MEANINGLESS: list[tuple[str, dict[str, Any]]] = [
    ("progressed", {"attempt": 1, "stage": "embed", "progress": 101}),
    ("progressed", {"stage": "embed", "progress": 1}),
    ("chunked", {"attempt": 1, "chunks": [{"position": 0, "text": "a\0b"}]}),
    ("chunked", {"attempt": 1, "chunks": [{"position": 0, "text": "a"}, {"position": 0, "text": "b"}]}),
    ("indexed", {"attempt": 0, "pages": 1, "characters": 1, "chunks": 1}),
    ("failed", {"attempt": 1, "code": "", "reason": "b", "retryable": True}),
]


async def texts(library: Library, version: Held) -> list[str]:
    """The stored chunks, in order."""
    answer = await library.call("GET", f"{version.path}/chunks", params={"limit": 100})
    return [chunk["text"] for chunk in answer.json()["items"]]


async def test_progress_is_shown_and_never_goes_backwards(library: Library) -> None:
    version = await library.processing()
    for stage, progress in (("extract", 10), ("embed", 60), ("extract", 20)):
        await library.report("progressed", version, attempt=1, stage=stage, progress=progress)
    body = await library.version(version)
    assert (body["processing_state"], body["stage"], body["progress"]) == ("PROCESSING", "embed", 60)


async def test_ready_means_that_every_chunk_is_there(library: Library) -> None:
    version = await library.processing()
    first, second = ([chunk] for chunk in two_chunks())
    await library.report("chunked", version, attempt=1, chunks=first)
    early = report("indexed", version.id, **counts())
    answer = await library.ingest.deliver(early)
    assert (answer.status_code, answer.json()["code"]) == (409, "document.chunks_missing")
    assert await library.state(version) == "PROCESSING"
    await library.report("chunked", version, attempt=1, chunks=second)
    assert (await library.ingest.deliver(early)).status_code == 204
    body = await library.version(version)
    assert (body["processing_state"], body["progress"], body["chunks"], body["characters"]) == ("READY", 100, 2, 14)
    assert await texts(library, version) == ["제1조(목적)", "제2조(연차)"]


async def test_reports_delivered_five_times_at_once_have_one_effect(library: Library) -> None:
    version = await library.processing()
    for event in (
        report("progressed", version.id, attempt=1, stage="embed", progress=50),
        report("chunked", version.id, attempt=1, chunks=two_chunks()),
        report("indexed", version.id, **counts()),
    ):
        answers = await asyncio.gather(*(library.ingest.deliver(event) for _ in range(5)))
        assert {answer.status_code for answer in answers} == {204}
    assert (await library.actions(version)).count("READY") == 1
    assert len(await texts(library, version)) == 2


async def test_a_late_report_of_an_older_attempt_changes_nothing(library: Library) -> None:
    version = await library.ready()
    await library.call("POST", f"{version.path}/reprocess")
    late = [
        report("progressed", version.id, attempt=1, stage="embed", progress=90),
        report("chunked", version.id, attempt=1, chunks=[{"position": 0, "text": "낡은 조각"}]),
        report("failed", version.id, attempt=1, code="old", reason="낡은 실패", retryable=False),
        report("indexed", version.id, **counts(1)),
    ]
    for event in late:  # the last one has the row looked at, which wants its next attempt
        assert await library.state(version) == "UPLOADED"
        assert (await library.ingest.deliver(event)).status_code == 204
    for event in late:  # while it runs
        assert (await library.ingest.deliver(as_new(event))).status_code == 204
    body = await library.version(version)
    assert (body["processing_state"], body["attempt"], body["progress"]) == ("PROCESSING", 2, 0)
    assert "낡은 조각" not in await texts(library, version)


async def test_the_first_chunks_of_a_new_attempt_replace_those_of_the_old_one(library: Library) -> None:
    version = await library.ready()
    await library.call("POST", f"{version.path}/reprocess")
    await library.tell("uploaded", version)
    assert len(await texts(library, version)) == 2
    await library.report("chunked", version, attempt=2, chunks=[{"position": 0, "text": "새 조각"}])
    assert await texts(library, version) == ["새 조각"]
    await library.report("indexed", version, **counts(2, chunks=1))
    assert await library.state(version) == "READY"


async def test_a_chunk_that_comes_again_replaces_itself(library: Library) -> None:
    version = await library.processing()
    for text in ("먼저", "나중"):
        await library.report("chunked", version, attempt=1, chunks=[{"position": 0, "text": text}])
    assert await texts(library, version) == ["나중"]


async def test_a_failure_that_would_repeat_is_told_to_the_author(library: Library) -> None:
    version = await library.processing()
    await library.report("failed", version, attempt=1, code="document.encrypted", reason=REASON, retryable=False)
    body = await library.version(version)
    assert body["processing_state"] == "FAILED"
    assert (body["failure_code"], body["failure_reason"]) == ("document.encrypted", REASON)
    assert (body["history"][-1]["action"], body["history"][-1]["detail"]) == ("FAILED", REASON)


async def test_a_passing_failure_is_tried_three_times(library: Library, host: HostDouble) -> None:
    version = await library.processing()
    failure = {"code": "llm.unavailable", "reason": "모델에 연결할 수 없습니다.", "retryable": True}
    for attempt in (1, 2):
        event = report("failed", version.id, attempt=attempt, **failure)
        await asyncio.gather(*(library.ingest.deliver(event) for _ in range(3)))
        assert await library.state(version) == "UPLOADED"
        await library.minute(minutes=2)
        assert (await library.state(version), host.jobs[version.id]["attempt"]) == ("PROCESSING", attempt + 1)
    await library.report("failed", version, attempt=3, **failure)
    assert (await library.version(version))["failure_code"] == "llm.unavailable"
    assert (await library.actions(version))[2:] == ["RETRIED", "RETRIED", "FAILED"]

    await library.call("POST", f"{version.path}/reprocess")  # a person who asks again starts the count anew
    await library.tell("uploaded", version)
    await library.report("failed", version, attempt=4, **failure)
    assert await library.state(version) == "UPLOADED"


async def test_a_report_is_proof_that_the_host_has_the_job(library: Library) -> None:
    version = await library.uploaded()  # the answer of the host was lost with the process that had asked
    await library.report("progressed", version, attempt=1, stage="embed", progress=30)
    body = await library.version(version)
    assert (body["processing_state"], body["attempt"], body["progress"]) == ("PROCESSING", 1, 30)


async def test_a_version_counts_as_findable_only_while_it_is_approved(library: Library) -> None:
    version = await library.ready()
    await library.report("activated", version)
    assert (await library.version(version))["searchable_at"] is None
    await library.approve(version)
    activated = report("activated", version.id)
    await asyncio.gather(*(library.ingest.deliver(activated) for _ in range(5)))
    assert (await library.version(version))["searchable_at"] is not None
    assert (await library.actions(version)).count("SEARCHABLE") == 1


async def test_an_approved_version_that_was_processed_again_is_activated_again(
    library: Library, host: HostDouble
) -> None:
    version = await library.searchable()
    await library.call("POST", f"{version.path}/reprocess")
    await library.tell("uploaded", version)
    host.calls.clear()
    await library.finish(version, attempt=2)
    assert host.called("activate") == 1
    await library.report("activated", version)
    assert (await library.version(version, EMPLOYEE))["attempt"] == 2


async def test_a_deleted_document_leaves_neither_file_nor_chunks(library: Library, s3: Any, bucket: str) -> None:
    version = await library.ready()
    await library.put(version)  # a second copy of the object
    await library.call("DELETE", f"{BASE}/{version.document_id}", CREATOR)
    await library.tell("withdrawn", version)
    event = report("removed", version.id)
    answers = await asyncio.gather(*(library.ingest.deliver(event) for _ in range(5)))
    assert {answer.status_code for answer in answers} == {204}
    assert await library.state(version) == "REMOVED"
    assert await library.one("SELECT count(*)::text FROM infra.document_chunk") == "0"
    assert "Versions" not in s3.list_object_versions(Bucket=bucket, Prefix=version.key)
    removals = "SELECT count(*)::text FROM infra.document_history WHERE action = 'REMOVED'"
    assert await library.one(removals) == "1"


async def test_an_archived_version_keeps_its_file_and_chunks(library: Library) -> None:
    version = await library.searchable()
    await library.call("POST", f"{version.path}/archive")
    await library.tell("withdrawn", version)
    await library.report("removed", version)
    assert await library.column(version, "removed_at") is not None
    assert len(await texts(library, version)) == 2
    assert (await library.call("GET", f"{version.path}/file")).status_code == 200


async def test_a_report_about_a_version_that_is_not_ours_changes_nothing(library: Library) -> None:
    for what, data in REPORTS:
        assert (await library.ingest.deliver(report(what, str(uuid4()), **data))).status_code == 204, what
    assert await library.one("SELECT count(*)::text FROM infra.document_chunk") == "0"


async def test_a_report_that_cannot_be_meant_goes_to_the_dead_letters_at_once(library: Library) -> None:
    for what, data in MEANINGLESS:
        assert (await library.ingest.deliver(report(what, str(uuid4()), **data))).status_code == 422, data


async def test_a_report_about_nothing_goes_to_the_dead_letters_at_once(library: Library) -> None:
    assert (await library.ingest.deliver(report("activated", "nonsense"))).status_code == 422


def as_new(event: CloudEvent) -> CloudEvent:
    """The same report under an id of its own."""
    return report(event.type.rpartition(".")[2], event.subject, **event.data)

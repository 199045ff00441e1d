"""What the minute picks up: rows that were left behind, each until it is settled and none too early."""

from typing import Any

import pytest

from tests.functions.doubles import BrokerDouble
from tests.functions.infra.host import HostDouble
from tests.functions.infra.library import Held, Library

TIMEOUT = "document.processing_timeout"


async def silent(library: Library, version: Held) -> None:
    """A minute event eleven minutes after the last sign of life, and one that gives a new attempt to the host."""
    await library.minute(minutes=11)
    await library.minute(minutes=13)


async def test_an_upload_whose_event_was_lost_is_processed_after_a_minute(library: Library, host: HostDouble) -> None:
    version = await library.uploaded()
    await library.minute(seconds=30)
    assert host.calls == []
    await library.minute(seconds=90)
    assert await library.state(version) == "PROCESSING"


async def test_a_batch_is_bounded_and_the_oldest_come_first(library: Library, host: HostDouble) -> None:
    versions = [await library.register() for _ in range(22)]
    await library.notify(*(library.created(version) for version in versions))
    await library.minute(minutes=2)
    states = [await library.state(version) for version in versions]
    assert states == ["PROCESSING"] * 20 + ["UPLOADED"] * 2
    await library.minute(minutes=2)
    assert await library.state(versions[-1]) == "PROCESSING"


async def test_what_is_never_uploaded_expires_after_a_day(library: Library) -> None:
    version = await library.register()
    await library.minute(hours=23)
    assert await library.state(version) == "REGISTERED"
    await library.minute(hours=25)
    assert (await library.actions(version))[-1] == "EXPIRED"
    for step in ("upload", "complete"):
        answer = await library.call("POST", f"{version.path}/{step}")
        assert (answer.status_code, answer.json()["code"]) == (409, "document.upload_expired")


async def test_what_was_uploaded_while_every_notice_was_lost_does_not_expire(library: Library) -> None:
    version = await library.register()
    await library.put(version)
    await library.minute(hours=25)
    assert await library.state(version) in ("UPLOADED", "PROCESSING")


async def test_an_attempt_that_falls_silent_is_tried_three_times(library: Library, host: HostDouble) -> None:
    version = await library.processing()
    for attempt in (1, 2):
        host.jobs[version.id] |= {"state": "RUNNING"}
        await silent(library, version)
        assert (await library.state(version), host.jobs[version.id]["attempt"]) == ("PROCESSING", attempt + 1)
    host.jobs[version.id] |= {"state": "RUNNING"}
    await library.minute(minutes=11)
    body = await library.version(version)
    assert (body["processing_state"], body["failure_code"]) == ("FAILED", TIMEOUT)


async def test_an_attempt_within_its_ten_minutes_is_left_alone(library: Library, host: HostDouble) -> None:
    await library.processing()
    host.calls.clear()
    await library.minute(minutes=9)
    assert host.calls == []


@pytest.mark.parametrize(
    "job",
    [
        {"state": "QUEUED"},
        {"state": "RUNNING", "stage": "embed", "progress": 41},
    ],
)
async def test_an_attempt_that_waits_for_its_turn_or_moves_goes_on(
    library: Library, host: HostDouble, job: dict[str, Any]
) -> None:
    version = await library.processing()
    host.jobs[version.id] |= job
    await library.minute(minutes=11)
    body = await library.version(version)
    assert (body["processing_state"], body["attempt"]) == ("PROCESSING", 1)
    assert body["progress"] == job.get("progress", 0)


@pytest.mark.parametrize("state", ["DONE", "FAILED", "CANCELLED"])
async def test_an_attempt_that_ended_without_a_report_is_tried_again(
    library: Library, host: HostDouble, state: str
) -> None:
    version = await library.processing()
    host.jobs[version.id] |= {"state": state}
    await silent(library, version)
    assert host.jobs[version.id]["attempt"] == 2
    await library.finish(version, attempt=2)
    assert await library.state(version) == "READY"


async def test_a_host_that_is_down_uses_up_no_attempt(library: Library, host: HostDouble) -> None:
    version = await library.processing()
    host.down = True
    await library.minute(minutes=11)
    assert (await library.state(version), await library.column(version, "retries")) == ("PROCESSING", "0")


async def test_one_refused_row_does_not_hold_up_the_others(library: Library, host: HostDouble) -> None:
    refused, fine = await library.ready(), await library.uploaded()
    await library.approve(refused)
    answer = host.answer
    host.answer = (  # type: ignore[method-assign]
        lambda method, path, body: (
            (409, {"code": "document.in_progress", "detail": "", "status": 409})
            if refused.id in path
            else answer(method, path, body)
        )
    )
    await library.minute(minutes=2)
    assert await library.state(fine) == "PROCESSING"


async def test_the_minute_sends_events_that_the_broker_did_not_take(library: Library, broker: BrokerDouble) -> None:
    broker.refuse = True
    version = await library.uploaded()
    await library.one("UPDATE infra.outbox SET next_attempt_at = now() RETURNING id::text")
    broker.refuse = False
    await library.minute()
    assert [event.subject for event in broker.of_type("baeum.infra.document.uploaded")] == [version.id]

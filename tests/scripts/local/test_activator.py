"""From zero and back, with real processes."""

import asyncio
import os
import signal
from pathlib import Path

import httpx
import pytest

from scripts.local.activator import Limits, State
from scripts.local.launch import ColdLauncher, ZygoteLauncher
from tests.scripts.local.conftest import Local, Start, is_alive, until

ECHO = "/api/cases/echo"


async def test_the_first_request_starts_a_function_and_idleness_takes_it_back_to_zero(start: Start) -> None:
    local = await start(Limits(idle=0.1))
    assert local.pool().state == State.ZERO

    pid = (await local.client.get(f"{ECHO}/pid")).json()
    assert [replica.process.pid for replica in local.pool().replicas] == [pid]
    assert local.pool().state == State.READY

    await local.reaches(State.ZERO)
    assert (await local.client.get(f"{ECHO}/pid")).json() != pid
    assert local.pool().counters.starts == 2
    assert local.pool().counters.cold_start_ms


async def test_a_function_starts_cold_just_as_from_the_zygote(start: Start) -> None:
    local = await start(Limits(idle=0.1), launcher=ColdLauncher())
    environ = (await local.client.get(f"{ECHO}/environ")).json()
    assert "LISTEN_FD" in environ
    await local.reaches(State.ZERO)


async def test_a_zygote_that_was_killed_is_started_again(start: Start, tmp_path: Path) -> None:
    launcher = ZygoteLauncher(tmp_path / "zygote.log")
    await launcher.ready()
    local = await start(launcher=launcher)
    os.kill(launcher.pid, signal.SIGKILL)
    await until(lambda: not is_alive(launcher.pid))
    assert (await local.client.get(f"{ECHO}/pid")).status_code == 200
    await local.activator.close()
    launcher.close()


async def test_a_function_sees_only_the_environment_that_it_was_given(local: Local) -> None:
    environ = (await local.client.get(f"{ECHO}/environ")).json()
    assert set(environ) == {"PATH", "EVENTS_BOOK", "SHUTDOWN_GRACE_SECONDS"}


async def test_every_request_around_the_idle_edge_is_answered(start: Start) -> None:
    local = await start(Limits(idle=0.03))

    async def ask(number: int) -> int:
        await asyncio.sleep(number * 0.01)
        return (await local.client.get(f"{ECHO}/pid")).status_code

    for _ in range(3):
        assert await asyncio.gather(*(ask(number) for number in range(25))) == [200] * 25
        await local.reaches(State.ZERO)
    assert local.pool().counters.starts >= 3


async def test_processes_are_added_up_to_the_limit_and_the_rest_waits_in_order(local: Local) -> None:
    waits = [asyncio.create_task(local.client.get(f"{ECHO}/wait/gate{number}")) for number in range(4)]
    await until(lambda: local.in_flight() == 4)
    assert len(local.pool().replicas) == 2
    assert all(replica.in_flight == 2 for replica in local.pool().replicas)

    queued = [asyncio.create_task(local.client.get(f"{ECHO}/pid")) for _ in range(3)]
    await until(lambda: local.pool().waiting == 3)
    assert len(local.pool().replicas) == 2

    for wait in waits:
        wait.cancel()
    assert [(await answer).status_code for answer in queued] == [200] * 3
    await until(lambda: local.in_flight() == 0)


async def test_a_full_queue_is_a_503_that_says_when_to_come_again(start: Start) -> None:
    local = await start(Limits(queue=1), concurrency=1, max_scale=1)
    busy = asyncio.create_task(local.client.get(f"{ECHO}/wait/gate"))
    await until(lambda: local.in_flight() == 1)
    queued = asyncio.create_task(local.client.get(f"{ECHO}/pid"))
    await until(lambda: local.pool().waiting == 1)

    refused = await local.client.get(f"{ECHO}/pid")

    assert refused.status_code == 503
    assert refused.json()["code"] == "function.busy"
    assert int(refused.headers["retry-after"]) > 0
    busy.cancel()
    assert (await queued).status_code == 200


async def test_a_wait_that_takes_too_long_ends_in_503(start: Start) -> None:
    local = await start(Limits(wait=0.2), concurrency=1, max_scale=1)
    await local.client.get(f"{ECHO}/pid")
    busy = asyncio.create_task(local.client.get(f"{ECHO}/wait/gate"))
    await until(lambda: local.in_flight() == 1)

    assert (await local.client.get(f"{ECHO}/pid")).json()["code"] == "function.busy"
    assert local.pool().waiting == 0
    busy.cancel()


@pytest.mark.parametrize(
    ("name", "words"),
    [("broken", "RuntimeError: this function is broken on purpose"), ("crash", "going down while starting")],
)
async def test_a_function_that_does_not_start_is_reported_with_its_log(local: Local, name: str, words: str) -> None:
    answers = await asyncio.gather(*(local.client.get(f"/api/cases/{name}/x") for _ in range(2)))

    for answer in answers:
        assert answer.status_code == 503
        assert answer.json()["code"] == "function.failed"
        assert words in answer.json()["errors"][0]["log"]
        assert int(answer.headers["retry-after"]) > 0
    assert local.pool(f"cases-{name}").state == State.FAILED


async def test_a_failed_start_is_not_repeated_before_its_pause_is_over(start: Start) -> None:
    local = await start(Limits(back_off=0.4))
    crash = local.pool("cases-crash")
    await local.client.get("/api/cases/crash/x")
    assert crash.counters.starts == 1
    await local.client.get("/api/cases/crash/x")
    assert crash.counters.starts == 1

    async def started_again() -> bool:
        await local.client.get("/api/cases/crash/x")
        return crash.counters.starts == 2

    await until(started_again)
    assert crash.failure
    assert crash.failure.times == 2


async def test_requests_wait_for_the_process_that_runs_while_a_second_one_does_not_start(start: Start) -> None:
    local = await start(Limits(back_off=0.2), concurrency=1, max_scale=2)
    fickle = local.pool("cases-fickle")
    busy = asyncio.create_task(local.client.get("/api/cases/fickle/wait"))
    await until(lambda: local.in_flight("cases-fickle") == 1)
    local.book.touch()  # from now on no process starts

    queued = asyncio.create_task(local.client.get("/api/cases/fickle/pid"))
    await until(lambda: fickle.failure and fickle.failure.times == 2)
    assert fickle.waiting == 1
    assert fickle.state == State.READY
    assert fickle.counters.starts == 3

    busy.cancel()
    assert (await queued).status_code == 200


async def test_a_function_that_never_becomes_healthy_is_ended_and_reported(start: Start) -> None:
    local = await start(Limits(start=0.001))
    answer = await local.client.get(f"{ECHO}/pid")
    assert answer.status_code == 503
    assert "health check" in answer.json()["detail"]
    await until(lambda: local.pool().replicas == [])


async def test_a_process_that_was_killed_while_idle_is_not_noticed_by_the_next_request(local: Local) -> None:
    for _ in range(5):
        pid = (await local.client.get(f"{ECHO}/pid")).json()
        os.kill(pid, signal.SIGKILL)
        while is_alive(pid):
            pass  # without giving the platform the time to notice
        answer = await local.client.get(f"{ECHO}/pid")
        assert answer.status_code == 200, answer.text
        assert answer.json() != pid


async def test_a_function_that_exits_in_the_middle_of_a_request_is_a_502_and_starts_again(local: Local) -> None:
    quitter = local.pool("cases-quitter")
    for times in (1, 2):
        answer = await local.client.get("/api/cases/quitter/quit")
        assert answer.status_code == 502
        assert "leaving without an answer" in answer.json()["errors"][0]["log"]
        await until(lambda times=times: quitter.counters.crashes == times)
    assert quitter.counters.starts == 2


async def test_half_an_answer_is_never_taken_for_a_whole_one(local: Local) -> None:
    with pytest.raises(httpx.RemoteProtocolError):
        await local.client.get("/api/cases/quitter/half")


async def test_who_gives_up_while_waiting_leaves_no_place_taken(start: Start) -> None:
    local = await start(concurrency=1, max_scale=1)
    busy = asyncio.create_task(local.client.get(f"{ECHO}/wait/gate"))
    await until(lambda: local.in_flight() == 1)
    impatient = asyncio.create_task(local.client.get(f"{ECHO}/pid"))
    await until(lambda: local.pool().waiting == 1)
    impatient.cancel()
    await until(lambda: local.pool().waiting == 0)
    busy.cancel()
    await until(lambda: local.in_flight() == 0)
    assert (await local.client.get(f"{ECHO}/pid")).status_code == 200


async def test_a_request_under_way_is_finished_when_the_platform_stops(local: Local) -> None:
    async with local.pool().slot() as replica:
        answer = asyncio.create_task(replica.client.get(f"{ECHO}/wait/gate"))
        await until(lambda: local.pool().state == State.READY)
        assert (await replica.client.post(f"{ECHO}/open/other")).is_success
        stopping = asyncio.create_task(local.pool().close())
        await until(lambda: replica.draining)
        assert not stopping.done()
        assert (await answer_after_opening(replica.client, answer)).status_code == 200
    await stopping
    assert local.pool().state == State.ZERO
    assert (await local.client.get(f"{ECHO}/pid")).status_code == 503


async def answer_after_opening(client: httpx.AsyncClient, answer: asyncio.Task[httpx.Response]) -> httpx.Response:
    await client.post(f"{ECHO}/open/gate")
    return await answer

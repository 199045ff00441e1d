"""Events arrive: once where all is well, again where it is not, and never silently nowhere."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx

from scripts.catalogue import ROOT
from scripts.local.activator import Limits, State
from scripts.local.broker import Policy
from scripts.local.deliveries import Deliveries
from scripts.local.sockets import listen, port_of
from shared.events import CloudEvent
from tests.scripts.local.conftest import Local, Start, until

QUICK = Policy(attempts=4, back_off=0.01, back_off_most=0.02)
NAME = "cases-events"


def happened(*answers: int, type_: str = "test.thing.happened") -> CloudEvent:
    """An event that the receiving function answers with these statuses, the last one for ever."""
    return CloudEvent(
        type=type_, source="/tests", subject="a thing", data={"answers": answers or (204,), "text": "한글"}
    )


async def send(local: Local, event: CloudEvent) -> httpx.Response:
    return await local.broker_client.post("/broker", headers=event.headers(), content=event.body())


def written(local: Local) -> list[dict[str, Any]]:
    """What the function has received, repeats included."""
    return [json.loads(line) for line in local.book.read_text().splitlines()] if local.book.exists() else []


async def counts(local: Local, **expected: int) -> None:
    async def as_expected() -> bool:
        return (await local.broker.counts()) == {"delivered": 0, "waiting": 0, "dead": 0} | expected

    await until(as_expected)


async def test_an_event_starts_the_function_that_takes_its_type_and_arrives_once(local: Local) -> None:
    assert local.pool(NAME).state == State.ZERO
    event = happened()
    assert (await send(local, event)).status_code == 202
    await counts(local, delivered=1)
    [received] = written(local)
    assert (received["id"], received["type"], received["subject"]) == (event.id, event.type, event.subject)
    assert received["data"] == {"answers": [204], "text": "한글"}


async def test_a_structured_event_arrives_too(local: Local) -> None:
    document = {"specversion": "1.0", "id": "1", "type": "test.thing.happened", "source": "/tests", "data": {"a": 1}}
    headers = {"content-type": "application/cloudevents+json; charset=utf-8"}
    assert (await local.broker_client.post("/broker", headers=headers, json=document)).status_code == 202
    await counts(local, delivered=1)
    assert written(local)[0]["data"] == {"a": 1}


async def test_what_is_no_event_is_refused(local: Local) -> None:
    answer = await local.broker_client.post("/broker", content=b"{}")
    assert answer.status_code == 400
    assert answer.json()["code"] == "event.malformed"


async def test_an_event_that_nobody_takes_is_accepted_and_forgotten(local: Local) -> None:
    assert (await send(local, happened(type_="test.nobody.cares"))).status_code == 202
    await counts(local)


async def test_an_answer_that_asks_for_another_try_gets_one(start: Start) -> None:
    local = await start(policy=Policy(attempts=9, back_off=0.01))
    event = happened(500, 503, 404, 408, 409, 429, 204)
    await send(local, event)
    await counts(local, delivered=1)
    assert [each["id"] for each in written(local)] == [event.id] * 7


async def test_an_event_that_fails_every_time_becomes_a_dead_letter_with_the_last_answer(start: Start) -> None:
    local = await start(policy=QUICK)
    event = happened(503)
    await send(local, event)
    await counts(local, dead=1)
    [letter] = Deliveries(local.letters).dead()
    assert (letter.id, letter.function, letter.attempts) == (event.id, NAME, 4)
    assert (letter.status, letter.response) == (503, "no thanks")
    assert json.loads(letter.body)["text"] == "한글"


async def test_a_final_answer_makes_a_dead_letter_at_once(local: Local) -> None:
    await send(local, happened(422, type_="test.thing.poisoned"))
    await counts(local, dead=1)
    assert len(written(local)) == 1
    [letter] = Deliveries(local.letters).dead()
    assert (letter.status, letter.attempts) == (422, 1)


async def test_a_function_that_does_not_start_keeps_its_events_waiting_and_then_dead(start: Start) -> None:
    local = await start(Limits(back_off=0.01), QUICK, takes=("test.thing.happened",))
    await send(local, happened())

    async def dead() -> list[str]:
        return sorted(letter.function for letter in Deliveries(local.letters).dead())

    async def all_dead() -> bool:
        return await dead() == ["cases-broken", "cases-crash", "cases-fickle", "cases-quitter"]

    await until(all_dead)  # the last two answer 404 to every event; the others never start
    assert len(written(local)) == 1


async def test_a_dead_letter_can_be_replayed_from_outside_with_the_same_id(start: Start) -> None:
    local = await start(policy=QUICK)
    event = happened(503, 503, 503, 503, 204)
    await send(local, event)
    await counts(local, dead=1)

    elsewhere = Deliveries(local.letters)
    elsewhere.replay(elsewhere.dead(), now=0)

    await counts(local, delivered=1)
    assert [each["id"] for each in written(local)] == [event.id] * 5


async def test_many_events_at_once_all_arrive_once(local: Local) -> None:
    events = [happened() for _ in range(60)]
    await asyncio.gather(*(send(local, event) for event in events))
    await counts(local, delivered=60)
    assert sorted(each["id"] for each in written(local)) == sorted(event.id for event in events)


async def test_what_was_accepted_survives_kill_9_and_is_delivered_afterwards(start: Start, tmp_path: Path) -> None:
    events = [happened() for _ in range(5)]
    with listen() as listener:
        command = [sys.executable, "-m", "tests.scripts.local.broker_to_kill", str(listener.fileno())]
        command += [str(tmp_path / "broker.sqlite3"), str(tmp_path / "log")]
        process = await asyncio.create_subprocess_exec(*command, cwd=ROOT, pass_fds=[listener.fileno()])
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_of(listener)}", timeout=30) as client:
            for event in events:
                assert (await client.post("/broker", headers=event.headers(), content=event.body())).status_code == 202
        process.kill()
        await process.wait()

    local = await start()

    await counts(local, delivered=5)
    assert sorted(each["id"] for each in written(local)) == sorted(event.id for event in events)

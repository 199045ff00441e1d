"""What happens every minute: what was left behind is sent, failed or forgotten."""

import asyncio
from typing import Any

import pytest

from functions.chat.messages import generation
from shared.events import MINUTE_PASSED, CloudEvent
from tests.conftest import StartFunction
from tests.functions.chat.data import MESSAGES, asked
from tests.functions.chat.host import LlmHostDouble
from tests.functions.chat.rows import age, count, give_older_id, state_of, until_stored, until_tried
from tests.functions.chat.streams import asking
from tests.functions.client import FunctionClient, Person
from tests.functions.doubles import BrokerDouble
from tests.processes import free_port


async def a_minute_later(sessions: FunctionClient) -> None:
    """Delivers the minute's event."""
    event = CloudEvent(MINUTE_PASSED, "/platform", "minute")
    assert (await sessions.deliver(event)).status_code == 204


async def test_a_lost_answer_fails_and_a_live_one_does_not(
    sessions: FunctionClient,
    messages: FunctionClient,
    person: Person,
    session: dict[str, Any],
    host: LlmHostDouble,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generation, "QUIET_SECONDS", 3600)  # neither is heard of again
    host.by_itself = False
    async with asking(messages, person, session) as lost, asking(messages, person, session) as live:
        for _ in range(2):
            await (await host.next_question()).begin()
        lost_id, live_id = [str((await stream.until("sources")).id).split(":")[0] for stream in (lost, live)]
        await until_stored(database_url, f"{lost_id}:2")
        await until_stored(database_url, f"{live_id}:2")
        await age(database_url, lost_id, "lease_until")
        await a_minute_later(sessions)
        assert await state_of(database_url, lost_id) == "FAILED"
        assert await state_of(database_url, live_id) == "STREAMING"


async def test_an_event_that_could_not_be_sent_is_sent_later(
    sessions: FunctionClient,
    function: StartFunction,
    person: Person,
    session: dict[str, Any],
    host: LlmHostDouble,
    broker: BrokerDouble,
    database_url: str,
) -> None:
    nowhere = f"http://127.0.0.1:{free_port()}"
    messages = await function("chat-messages", **host.settings, BROKER_URL=nowhere)
    turn = await asked(messages, person, session)
    await until_tried(database_url)
    await a_minute_later(sessions)
    (event,) = await asyncio.to_thread(broker.wait_for, "baeum.chat.turn.completed")
    assert event.subject == turn["id"]


async def test_the_pieces_of_old_answers_are_forgotten_and_the_answers_kept(
    sessions: FunctionClient, messages: FunctionClient, person: Person, session: dict[str, Any], database_url: str
) -> None:
    old, new = await asked(messages, person, session), await asked(messages, person, session)
    pieces = await count(database_url, "generation_event")
    await give_older_id(database_url, old["answer"]["id"], days=2)
    await a_minute_later(sessions)
    assert await count(database_url, "generation_event") == pieces / 2
    for turn in (old, new):
        answer = await messages.http.get(f"{MESSAGES}/{turn['id']}", headers=person.headers)
        assert answer.json()["answers"][0]["content"] == turn["answer"]["content"]

"""A process that ends in the middle of an answer: killed, or asked to leave."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from shared import function as shared_function
from tests.conftest import StartFunction
from tests.functions.chat.data import MESSAGES
from tests.functions.chat.host import Asked, LlmHostDouble
from tests.functions.chat.rows import age, until_state, until_stored
from tests.functions.chat.streams import Reachable, asking, resuming, text_of
from tests.functions.client import FunctionClient, Person
from tests.processes import free_port, running


@dataclass
class Process:
    """chat-messages as the image starts it."""

    process: subprocess.Popen[str]
    http: httpx.AsyncClient

    def until_gone(self) -> int:
        """Its exit status, when it has left."""
        return self.process.wait(30)


@dataclass
class HalfAnswered:
    """A question that is half answered; the one who asked has lost the connection."""

    turn_id: str
    generation_id: str
    text: str
    place: str
    at_host: Asked


@pytest.fixture
async def process(host: LlmHostDouble, database_url: str) -> AsyncIterator[Process]:
    """The function as a process of its own."""
    port = free_port()
    url = f"http://127.0.0.1:{port}"
    environ = {
        **host.settings,
        "APP_ENV": "test",
        "AUTH_MODE": "dev",
        "CHAT_DATABASE_URL": database_url,
        "HOST": "127.0.0.1",
        "PORT": str(port),
    }
    command = [sys.executable, "-m", "shared.runner", "functions/chat/messages/main.py"]
    with running(command, environ, ready=f"{url}{MESSAGES}/healthz") as started:
        async with httpx.AsyncClient(base_url=url, timeout=20) as http:
            yield Process(started, http)


async def half_answered(
    messages: Reachable, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> HalfAnswered:
    """Asks, reads half an answer, and loses the connection."""
    host.by_itself = False
    async with asking(messages, person, session) as stream:
        turn = (await stream.next()).data
        at_host = await host.next_question()
        await at_host.begin()
        await at_host.say("delta", text="연차는 ")
        text, place = await stream.text(4)
    return HalfAnswered(turn["turn_id"], turn["generation_id"], text, place, at_host)


async def test_an_answer_whose_process_was_killed_fails_and_can_be_retried(
    process: Process,
    messages: FunctionClient,
    person: Person,
    session: dict[str, Any],
    host: LlmHostDouble,
    database_url: str,
) -> None:
    half = await half_answered(process, person, session, host)
    await until_stored(database_url, half.place)
    process.process.kill()
    await asyncio.to_thread(process.until_gone)
    async with resuming(messages, person, half.turn_id, half.place) as stream:
        await age(database_url, half.generation_id, "lease_until")
        (last,) = await stream.rest()
    assert (last.kind, last.data["status"], last.data["code"]) == ("error", 503, "chat.interrupted")
    host.by_itself = True
    retried = await messages.http.post(f"{MESSAGES}/{half.turn_id}/retry", headers=person.headers)
    lost, answer = retried.json()["answers"]
    assert (lost["state"], lost["content"], len(lost["sources"])) == ("FAILED", half.text, 1)
    assert (answer["state"], answer["content"]) == ("DONE", host.text)


async def test_a_process_that_is_asked_to_leave_finishes_its_answers_first(
    process: Process,
    messages: FunctionClient,
    person: Person,
    session: dict[str, Any],
    host: LlmHostDouble,
    database_url: str,
) -> None:
    half = await half_answered(process, person, session, host)
    process.process.terminate()
    async with resuming(messages, person, half.turn_id, half.place) as stream:
        await half.at_host.say("delta", text="15일입니다.")
        await half.at_host.finish()
        rest = await stream.rest()
    assert (half.text + text_of(rest), rest[-1].kind) == ("연차는 15일입니다.", "done")
    await asyncio.to_thread(process.until_gone)
    await until_state(database_url, half.generation_id, "DONE")


async def test_what_is_not_finished_in_time_is_interrupted_and_says_so(
    function: StartFunction,
    person: Person,
    session: dict[str, Any],
    host: LlmHostDouble,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(shared_function, "DRAIN_SECONDS", 0.1)
    leaving = await function("chat-messages", **host.settings)
    half = await half_answered(leaving, person, session, host)
    await leaving.close()
    staying = await function("chat-messages", **host.settings)
    async with resuming(staying, person, half.turn_id, half.place) as stream:
        (last,) = await stream.rest()
    assert (last.kind, last.data["code"]) == ("error", "chat.interrupted")
    answer = (await staying.http.get(f"{MESSAGES}/{half.turn_id}", headers=person.headers)).json()["answer"]
    assert (answer["state"], answer["content"]) == ("FAILED", half.text)
    await asyncio.wait_for(half.at_host.gone.wait(), 20)

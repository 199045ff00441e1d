"""A conversation's title is made once, of its first answer, and never over one that a person chose."""

import asyncio
from typing import Any

from shared.events import CloudEvent
from tests.conftest import StartFunction
from tests.functions.chat.data import SESSIONS, asked, new_session
from tests.functions.chat.host import LlmHostDouble
from tests.functions.client import FunctionClient, Person
from tests.functions.doubles import BrokerDouble
from tests.processes import free_port

COMPLETED = "baeum.chat.turn.completed"


def completed(session: dict[str, Any], **data: Any) -> CloudEvent:
    """A finished answer in a conversation."""
    known = {"session_id": session["id"], "turn_id": session["id"], "question": "연차는?", "answer": "15일입니다."}
    return CloudEvent(COMPLETED, "/functions/chat-messages", session["id"], {**known, **data})


async def read(sessions: FunctionClient, person: Person, session: dict[str, Any]) -> dict[str, Any]:
    """The conversation as it is now."""
    document: dict[str, Any] = (await sessions.http.get(f"{SESSIONS}/{session['id']}", headers=person.headers)).json()
    return document


async def test_the_first_answer_gives_the_title_and_the_second_none(
    sessions: FunctionClient,
    messages: FunctionClient,
    person: Person,
    session: dict[str, Any],
    host: LlmHostDouble,
    broker: BrokerDouble,
) -> None:
    for number in (1, 2):
        await asked(messages, person, session, f"질문 {number}")
        event = (await asyncio.to_thread(broker.wait_for, COMPLETED, number))[-1]
        assert (await sessions.deliver(event)).status_code == 204
        host.title = "다른 제목"
    titled = await read(sessions, person, session)
    assert (titled["title"], titled["title_state"]) == ("연차휴가 일수", "GENERATED")
    assert titled["etag"] != session["etag"]
    assert host.titled == [{"question": "질문 1", "answer": "연차휴가는 15일입니다 [1]."}]


async def test_a_chosen_title_is_never_overwritten(
    sessions: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    chosen = await new_session(sessions, person, "내가 정한 제목")
    headers = {**person.headers, "If-Match": session["etag"]}
    await sessions.http.patch(f"{SESSIONS}/{session['id']}", json={"title": "바꾼 제목"}, headers=headers)
    for conversation, title in ((chosen, "내가 정한 제목"), (session, "바꾼 제목")):
        assert (await sessions.deliver(completed(conversation))).status_code == 204
        assert (await read(sessions, person, conversation))["title"] == title
    assert host.titled == []


async def test_a_title_chosen_while_one_is_being_made_stays(
    sessions: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.hold_titles = asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        delivery = tasks.create_task(sessions.deliver(completed(session)))
        await host.until_titled()
        headers = {**person.headers, "If-Match": session["etag"]}
        await sessions.http.patch(f"{SESSIONS}/{session['id']}", json={"title": "바꾼 제목"}, headers=headers)
        host.hold_titles.set()
    assert delivery.result().status_code == 204
    assert (await read(sessions, person, session))["title"] == "바꾼 제목"


async def test_the_same_event_many_times_at_once_titles_once(
    sessions: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    event = completed(session)
    answers = await asyncio.gather(*(sessions.deliver(event) for _ in range(4)))
    assert {answer.status_code for answer in answers} == {204}
    assert (await read(sessions, person, session))["etag"] == '"2"'


async def test_while_the_host_is_down_the_event_is_to_come_again(function: StartFunction, person: Person) -> None:
    port = free_port()
    sessions = await function("chat-sessions", LLM_HOST_URL=f"http://127.0.0.1:{port}", LLM_HOST_TOKEN="double")
    session = await new_session(sessions, person)
    event = completed(session)
    refused = await sessions.deliver(event)
    assert refused.status_code == 503
    assert "Retry-After" in refused.headers
    async with LlmHostDouble(port) as host:
        assert (await sessions.deliver(event)).status_code == 204
        assert (await read(sessions, person, session))["title"] == host.title


async def test_a_title_is_one_short_line(
    sessions: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.title = " 연차\n휴가\0 " + "가" * 100
    await sessions.deliver(completed(session))
    assert (await read(sessions, person, session))["title"] == "연차 휴가 " + "가" * 54


async def test_a_long_answer_is_named_by_its_beginning(
    sessions: FunctionClient, session: dict[str, Any], host: LlmHostDouble
) -> None:
    await sessions.deliver(completed(session, answer="가" * 30_000))
    assert host.titled[0]["answer"] == "가" * 2000


async def test_an_empty_title_leaves_the_first_one(
    sessions: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.title = " \n "
    assert (await sessions.deliver(completed(session))).status_code == 204
    assert await read(sessions, person, session) == session


async def test_an_event_about_a_deleted_conversation_is_done(
    sessions: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    await sessions.http.delete(f"{SESSIONS}/{session['id']}", headers=person.headers)
    assert (await sessions.deliver(completed(session))).status_code == 204
    assert host.titled == []


async def test_an_event_that_cannot_be_read_is_final(sessions: FunctionClient, session: dict[str, Any]) -> None:
    assert (await sessions.deliver(completed(session, session_id="x"))).status_code == 422

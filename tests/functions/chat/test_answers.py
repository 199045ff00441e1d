"""What can be done with an answer: stopped, retried, made again, rated."""

import asyncio
from typing import Any

import httpx
import pytest

from functions.chat.messages import generation
from tests.conftest import StartFunction
from tests.functions.chat.data import MESSAGES, SESSIONS, ask, asked, new_session
from tests.functions.chat.host import Asked, LlmHostDouble
from tests.functions.chat.rows import age, locked, until_stored
from tests.functions.chat.streams import Stream, asking, resuming, text_of
from tests.functions.client import FunctionClient, Person
from tests.functions.doubles import BrokerDouble
from tests.processes import free_port


async def call(
    messages: FunctionClient, person: Person, method: str, turn_id: str, action: str = "", **body: Any
) -> httpx.Response:
    """Calls an endpoint of a turn."""
    json = body or None
    return await messages.http.request(method, f"{MESSAGES}/{turn_id}{action}", json=json, headers=person.headers)


async def half_answered(host: LlmHostDouble, stream: Stream) -> tuple[str, Asked]:
    """Has the host say half an answer; the turn, and the rest in the test's hands."""
    turn = str((await stream.next()).data["turn_id"])
    at_host = await host.next_question()
    await at_host.begin()
    await at_host.say("delta", text="연차는 ")
    await stream.text(4)
    return turn, at_host


async def failed(messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble) -> str:
    """A turn whose first answer failed; the host works again."""
    host.refusal = {"status": 503, "code": "llm.busy", "detail": "바쁩니다."}
    async with asking(messages, person, session) as stream:
        events = await stream.rest()
    assert events[-1].kind == "error"
    host.refusal = None
    return str(events[0].data["turn_id"])


async def test_a_stopped_answer_keeps_what_was_said_and_lets_go_of_the_host(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.by_itself = False
    async with asking(messages, person, session) as stream:
        turn, at_host = await half_answered(host, stream)
        stopped = await call(messages, person, "POST", turn, "/stop")
        assert [event.kind for event in await stream.rest()] == ["stopped"]
    answer = stopped.json()["answer"]
    assert (answer["state"], answer["content"], len(answer["sources"])) == ("STOPPED", "연차는 ", 1)
    await asyncio.wait_for(at_host.gone.wait(), 20)
    assert (await call(messages, person, "POST", turn, "/stop")).json() == stopped.json()


async def test_an_answer_is_stopped_from_another_process(
    messages: FunctionClient, function: StartFunction, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.by_itself = False
    elsewhere = await function("chat-messages", **host.settings)
    async with asking(messages, person, session) as stream:
        turn, at_host = await half_answered(host, stream)
        assert (await call(elsewhere, person, "POST", turn, "/stop")).json()["answer"]["state"] == "STOPPED"
        await asyncio.wait_for(at_host.gone.wait(), 20)
        assert [event.kind for event in await stream.rest()] == ["stopped"]
    async with resuming(elsewhere, person, turn) as stream:
        assert (await stream.rest())[-1].data == {"state": "STOPPED"}


async def test_the_one_who_waits_for_json_gets_the_stopped_answer(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.by_itself = False
    async with asyncio.TaskGroup() as tasks:
        waiting = tasks.create_task(ask(messages, person, session, key="k"))
        await host.next_question()
        async with asking(messages, person, session, **{"Idempotency-Key": "k"}) as stream:
            turn = (await stream.next()).data["turn_id"]
        await call(messages, person, "POST", turn, "/stop")
    assert (waiting.result().status_code, waiting.result().json()["answer"]["state"]) == (201, "STOPPED")


async def test_stopping_a_finished_answer_changes_nothing(
    messages: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    turn = await asked(messages, person, session)
    assert (await call(messages, person, "POST", turn["id"], "/stop")).json() == turn


async def test_a_stopped_answer_is_not_announced(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble, broker: BrokerDouble
) -> None:
    host.by_itself = False
    async with asking(messages, person, session) as stream:
        turn, _ = await half_answered(host, stream)
        await call(messages, person, "POST", turn, "/stop")
    host.by_itself = True
    answered = await asked(messages, person, session)
    events = await asyncio.to_thread(broker.wait_for, "baeum.chat.turn.completed")
    assert [event.subject for event in events] == [answered["id"]]


async def test_a_host_that_is_down_is_a_503_and_the_question_is_kept_to_be_retried(
    sessions: FunctionClient, function: StartFunction, person: Person, session: dict[str, Any]
) -> None:
    port = free_port()
    down = {"LLM_HOST_URL": f"http://127.0.0.1:{port}", "LLM_HOST_TOKEN": "double"}
    messages = await function("chat-messages", **down)
    refused = await ask(messages, person, session, "연차는?", key="k-1")
    assert (refused.status_code, refused.json()["code"]) == (503, "llm.unavailable")
    assert int(refused.headers["Retry-After"]) > 0
    assert refused.headers["content-type"] == "application/problem+json"
    question = refused.headers["Location"]
    again = await ask(messages, person, session, "연차는?", key="k-1")
    assert again.status_code == 503  # the same request, the same answer: nothing is asked a second time

    history = await sessions.http.get(f"{SESSIONS}/{session['id']}/messages", headers=person.headers)
    (turn,) = history.json()["items"]
    assert (turn["question"], turn["answer"]["state"], turn["answer_count"]) == ("연차는?", "FAILED", 1)
    assert turn["answer"]["failure"]["code"] == "llm.unavailable"
    async with LlmHostDouble(port) as host:
        retried = await messages.http.post(f"{question}/retry", headers=person.headers)
        assert (retried.status_code, retried.json()["answer"]["content"]) == (200, host.text)
    assert [answer["state"] for answer in retried.json()["answers"]] == ["FAILED", "DONE"]


@pytest.mark.parametrize(("status", "seen"), [(401, 503), (404, 503), (422, 422), (429, 429), (500, 503)])
async def test_a_refusal_that_is_not_the_persons_business_is_an_outage(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble, status: int, seen: int
) -> None:
    host.refusal = {"status": status, "code": "x", "detail": "x"}
    refused = await ask(messages, person, session)
    assert refused.status_code == seen
    assert ("Retry-After" in refused.headers) == (seen in (429, 503))


async def test_a_retry_streams_the_next_version(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    turn = await failed(messages, person, session, host)
    headers = {**person.headers, "Accept": "text/event-stream"}
    async with messages.http.stream("POST", f"{MESSAGES}/{turn}/retry", headers=headers) as response:
        events = await Stream(response).rest()
    assert (events[0].data["turn_id"], events[0].data["version"]) == (turn, 2)
    assert (text_of(events), events[-1].kind) == (host.text, "done")


async def test_of_two_retries_at_once_one_is_told_that_the_other_runs(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble, database_url: str
) -> None:
    turn = await failed(messages, person, session, host)
    host.by_itself = False
    async with asyncio.TaskGroup() as tasks:
        async with locked(database_url, "turn", turn, until_waiting=2):
            retries = [tasks.create_task(call(messages, person, "POST", turn, "/retry")) for _ in range(2)]
        at_host = await host.next_question()
        (late,), _ = await asyncio.wait(retries, return_when=asyncio.FIRST_COMPLETED)
        await at_host.begin()
        await at_host.finish()
    assert (late.result().status_code, late.result().json()["code"]) == (409, "chat.answer_live")
    assert sorted(retry.result().status_code for retry in retries) == [200, 409]
    assert len(host.questions) == 1


async def test_a_finished_answer_is_not_retried_and_a_failed_one_not_regenerated(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    done = await asked(messages, person, session)
    refused = await call(messages, person, "POST", done["id"], "/retry")
    assert (refused.status_code, refused.json()["code"]) == (409, "chat.not_failed")
    refused = await call(messages, person, "POST", await failed(messages, person, session, host), "/regenerate")
    assert (refused.status_code, refused.json()["code"]) == (409, "chat.not_done")


async def test_while_an_answer_is_generated_there_is_no_other(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.by_itself = False
    async with asking(messages, person, session) as stream:
        turn, at_host = await half_answered(host, stream)
        for action in ("/retry", "/regenerate"):
            refused = await call(messages, person, "POST", turn, action)
            assert (refused.status_code, refused.json()["code"]) == (409, "chat.answer_live")
        await at_host.finish()
        await stream.rest()


async def test_an_answer_made_again_stands_beside_the_first_up_to_five(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    turn = await asked(messages, person, session, domains=["HR"])
    for version in range(2, 6):
        host.text = f"{version}번째 답변"
        again = await call(messages, person, "POST", turn["id"], "/regenerate")
        assert (again.status_code, again.json()["answer"]["version"]) == (200, version)
    answers = again.json()["answers"]
    assert [answer["content"] for answer in answers][0::4] == [turn["answer"]["content"], "5번째 답변"]
    assert {tuple(question["domains"]) for question in host.questions} == {("HR",)}
    refused = await call(messages, person, "POST", turn["id"], "/regenerate")
    assert (refused.status_code, refused.json()["code"]) == (409, "chat.too_many_answers")


async def test_failures_do_not_use_up_the_answers(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    turn = await failed(messages, person, session, host)
    for _ in range(3):
        host.refusal = {"status": 429, "code": "llm.busy", "detail": "바쁩니다."}
        assert (await call(messages, person, "POST", turn, "/retry")).status_code == 429
    host.refusal = None
    assert (await call(messages, person, "POST", turn, "/retry")).json()["answer"]["version"] == 5
    assert (await call(messages, person, "POST", turn, "/regenerate")).json()["answer"]["version"] == 6


async def test_a_lost_answer_can_be_retried_at_once(
    messages: FunctionClient,
    person: Person,
    session: dict[str, Any],
    host: LlmHostDouble,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generation, "QUIET_SECONDS", 3600)  # nothing is heard of it any more
    host.by_itself = False
    async with asking(messages, person, session) as stream:
        turn, at_host = await half_answered(host, stream)
        generation_id = (await call(messages, person, "GET", turn)).json()["answer"]["id"]
        await until_stored(database_url, f"{generation_id}:3")
        await age(database_url, generation_id, "lease_until")
        host.by_itself = True
        retried = await call(messages, person, "POST", turn, "/retry")
        assert retried.json()["answer"]["state"] == "DONE", retried.text
        assert [answer["state"] for answer in retried.json()["answers"]] == ["FAILED", "DONE"]
        await at_host.say("delta", text="15일입니다.")
        assert (await stream.rest())[-1].data["code"] == "chat.interrupted"


async def test_an_opinion_is_given_changed_and_taken_back(
    messages: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    turn = (await asked(messages, person, session))["id"]
    given = await call(messages, person, "PUT", turn, "/feedback", rating="DOWN", comment=" 조항이 다릅니다 ")
    assert (given.status_code, given.json()["rating"], given.json()["comment"]) == (200, "DOWN", "조항이 다릅니다")
    changed = await call(messages, person, "PUT", turn, "/feedback", rating="UP")
    assert (changed.json()["rating"], changed.json()["comment"]) == ("UP", None)
    assert (await call(messages, person, "GET", turn)).json()["answer"]["feedback"] == changed.json()
    for _ in range(2):
        assert (await call(messages, person, "DELETE", turn, "/feedback")).status_code == 204
    assert (await call(messages, person, "GET", turn)).json()["answer"]["feedback"] is None


async def test_an_opinion_belongs_to_one_answer(
    messages: FunctionClient, sessions: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    turn = await asked(messages, person, session)
    again = (await call(messages, person, "POST", turn["id"], "/regenerate")).json()
    first = turn["answer"]["id"]
    await call(messages, person, "PUT", turn["id"], "/feedback", rating="DOWN", generation_id=first)
    await call(messages, person, "PUT", turn["id"], "/feedback", rating="UP")
    answers = (await call(messages, person, "GET", turn["id"])).json()["answers"]
    assert [answer["feedback"]["rating"] for answer in answers] == ["DOWN", "UP"]
    await call(messages, person, "DELETE", turn["id"], f"/feedback?generation_id={first}")
    answers = (await call(messages, person, "GET", turn["id"])).json()["answers"]
    assert [bool(answer["feedback"]) for answer in answers] == [False, True]
    other = await asked(messages, person, await new_session(sessions, person))
    refused = await call(
        messages, person, "PUT", other["id"], "/feedback", rating="UP", generation_id=again["answer"]["id"]
    )
    assert (refused.status_code, refused.json()["code"]) == (404, "chat.answer_not_found")


async def test_an_opinion_that_cannot_be_meant_is_refused(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    turn = (await asked(messages, person, session))["id"]
    for body in ({"rating": "SOSO"}, {"rating": "UP", "comment": "가" * 501}, {"comment": "x"}):
        assert (await call(messages, person, "PUT", turn, "/feedback", **body)).status_code == 422
    unanswered = await failed(messages, person, session, host)
    refused = await call(messages, person, "PUT", unanswered, "/feedback", rating="DOWN")
    assert (refused.status_code, refused.json()["code"]) == (409, "chat.not_done")

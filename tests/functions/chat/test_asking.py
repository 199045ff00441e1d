"""Asking a question: streamed or in one piece, stored with its sources, once per key."""

import asyncio
from typing import Any
from uuid import uuid4

from tests.functions.chat.data import MESSAGES, SESSIONS, ask, asked, new_session
from tests.functions.chat.host import LlmHostDouble
from tests.functions.chat.streams import asking, text_of
from tests.functions.client import FunctionClient, Person
from tests.functions.doubles import BrokerDouble


async def test_an_answer_is_streamed_in_order_and_ends_once(
    messages: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    async with asking(messages, person, session) as stream:
        events = await stream.rest()
    assert [event.kind for event in events if event.kind != "delta"] == ["turn", "meta", "sources", "done"]
    assert text_of(events) == "연차휴가는 15일입니다 [1]."
    begun = events[0].data
    assert begun["session_id"] == session["id"]
    assert begun["section_id"] == session["sections"][0]["id"]
    assert begun["version"] == 1
    assert [event.id for event in events] == [f"{begun['generation_id']}:{number}" for number in range(len(events))]
    assert events[-1].data == {"state": "DONE", "finish_reason": "stop", "grounded": True, "cited": [1]}


async def test_the_whole_answer_comes_as_json_with_its_sources(
    messages: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    turn = await asked(messages, person, session, domains=["POLICY"])
    answer = turn["answer"]
    assert (turn["number"], turn["domains"], turn["answer_count"]) == (1, ["POLICY"], 1)
    assert (answer["state"], answer["content"]) == ("DONE", "연차휴가는 15일입니다 [1].")
    source = answer["sources"][0]
    assert (source["title"], source["page"], source["clause"]) == ("취업규칙", 12, "제15조")
    assert source["text"].startswith("제15조")
    meta = answer["meta"]
    assert (meta["engine"], meta["model"], meta["intent"], meta["grounded"]) == ("double", "double-1", "POLICY", True)
    assert meta["tokens_out"] == 30
    assert 0 <= meta["first_token_ms"] <= meta["total_ms"]
    stored = await messages.http.get(f"{MESSAGES}/{turn['id']}", headers=person.headers)
    assert stored.json() == turn


async def test_the_host_is_told_the_question_the_department_and_the_domains(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    await asked(messages, person, session, "연차는?", domains=["HR"], department="임원실")
    told = {"question": "연차는?", "history": [], "department": "인사팀", "domains": ["HR"], "stream": True}
    assert host.questions == [told]


async def test_a_question_is_trimmed_and_composed(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    turn = await asked(messages, person, session, "  \u1112\u1161\u11ab\u1100\u1173\u11af \n")
    assert turn["question"] == "한글"
    assert host.questions[0]["question"] == "한글"


async def test_what_cannot_be_meant_as_a_question_is_refused(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    for content in ("", " \n ", "가" * 4001, "앞\0뒤", None, 3):
        refused = await ask(messages, person, session, content)  # type: ignore[arg-type]
        assert refused.status_code == 422, content
        assert refused.json()["errors"][0]["pointer"] == "/content"
    refused = await ask(messages, person, session, domains=["COOKING"])
    assert refused.json()["errors"][0]["pointer"] == "/domains/0"
    assert (await ask(messages, person, session, "가" * 4000)).status_code == 201
    assert len(host.questions) == 1


async def test_half_a_character_is_no_question(
    messages: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    body = b'{"session_id": "%s", "content": "\\ud800"}' % session["id"].encode()
    headers = {**person.headers, "Content-Type": "application/json"}
    assert (await messages.http.post(MESSAGES, content=body, headers=headers)).status_code == 422


async def test_a_question_of_a_megabyte_is_refused_before_it_is_read(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    refused = await ask(messages, person, session, "a" * (1 << 20))
    assert (refused.status_code, refused.json()["code"]) == (413, "request.too_large")
    assert not host.questions


async def test_nobody_asks_in_somebody_elses_conversation(
    messages: FunctionClient, somebody_else: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    refused = await ask(messages, somebody_else, session)
    assert (refused.status_code, refused.json()["code"]) == (404, "chat.session_not_found")
    unknown = await ask(messages, somebody_else, {"id": str(uuid4())})
    assert unknown.json() | {"trace_id": ""} == refused.json() | {"trace_id": ""}
    assert not host.questions


async def test_nobody_asks_in_a_deleted_conversation_or_a_section_of_another(
    messages: FunctionClient, sessions: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    other = await new_session(sessions, person)
    refused = await ask(messages, person, session, section_id=other["sections"][0]["id"])
    assert (refused.status_code, refused.json()["code"]) == (404, "chat.section_not_found")
    await sessions.http.delete(f"{SESSIONS}/{other['id']}", headers=person.headers)
    assert (await ask(messages, person, other)).status_code == 404


async def test_everything_about_a_turn_is_its_owners_alone(
    messages: FunctionClient, person: Person, somebody_else: Person, session: dict[str, Any]
) -> None:
    turn = f"{MESSAGES}/{(await asked(messages, person, session))['id']}"
    calls = [("GET", ""), ("GET", "/stream"), ("POST", "/stop"), ("POST", "/retry"), ("POST", "/regenerate")]
    calls += [("PUT", "/feedback"), ("DELETE", "/feedback")]
    for method, path in calls:
        body = {"rating": "UP"} if method == "PUT" else None
        answer = await messages.http.request(method, turn + path, json=body, headers=somebody_else.headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "chat.turn_not_found"), path


async def test_the_same_key_at_the_same_moment_asks_once(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    answers = await asyncio.gather(*(ask(messages, person, session, key="k-1") for _ in range(5)))
    assert {answer.status_code for answer in answers} == {201}
    assert len({answer.json()["id"] for answer in answers}) == 1
    assert len(host.questions) == 1


async def test_a_repeated_request_attaches_to_the_answer_that_is_being_generated(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.by_itself = False
    async with asking(messages, person, session, **{"Idempotency-Key": "k-2"}) as first:
        at_host = await host.next_question()
        await at_host.begin()
        await at_host.say("delta", text="연차는 ")
        await first.text(4)
        async with asking(messages, person, session, **{"Idempotency-Key": "k-2"}) as second:
            await second.text(4)
            await at_host.say("delta", text="15일입니다.")
            await at_host.finish()
            assert text_of(await second.rest()) == "15일입니다."
        assert text_of(await first.rest()) == "15일입니다."
    assert len(host.questions) == 1


async def test_a_key_of_another_question_is_refused(
    messages: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    await asked(messages, person, session, "연차는?", key="k-3")
    refused = await ask(messages, person, session, "병가는?", key="k-3")
    assert (refused.status_code, refused.json()["code"]) == (422, "idempotency.key_reused")


async def test_two_people_may_use_the_same_key(
    messages: FunctionClient, sessions: FunctionClient, person: Person, somebody_else: Person, session: dict[str, Any]
) -> None:
    theirs = await new_session(sessions, somebody_else)
    mine = await asked(messages, person, session, key="k-4")
    assert (await asked(messages, somebody_else, theirs, key="k-4"))["id"] != mine["id"]


async def test_two_tabs_asking_at_once_get_two_turns_with_their_own_numbers(
    messages: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    turns = await asyncio.gather(*(asked(messages, person, session, f"질문 {n}") for n in range(4)))
    assert sorted(turn["number"] for turn in turns) == [1, 2, 3, 4]
    assert {turn["answer"]["state"] for turn in turns} == {"DONE"}


async def test_the_history_of_the_section_is_sent_along_oldest_first(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    for question in ("연차는?", "그럼 병가는?", "둘 다 쓰면?"):
        await asked(messages, person, session, question)
    history = host.questions[2]["history"]
    assert [exchange["question"] for exchange in history] == ["연차는?", "그럼 병가는?"]
    assert {exchange["answer"] for exchange in history} == {host.text}


async def test_the_history_of_another_section_is_never_sent(
    messages: FunctionClient, sessions: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    await asked(messages, person, session, "연차는?")
    await sessions.http.post(f"{SESSIONS}/{session['id']}/sections", json={}, headers=person.headers)
    turn = await asked(messages, person, session, "출장비는?")
    assert turn["section_id"] != session["sections"][0]["id"]
    assert host.questions[1]["history"] == []
    await asked(messages, person, session, "며칠?", section_id=session["sections"][0]["id"])
    assert [exchange["question"] for exchange in host.questions[2]["history"]] == ["연차는?"]


async def test_a_long_history_is_cut_to_its_newest_part(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.text = "가" * 1900
    for number in range(8):
        await asked(messages, person, session, f"질문 {number}")
    assert [exchange["question"] for exchange in host.questions[-1]["history"]] == ["질문 4", "질문 5", "질문 6"]


async def test_a_failed_answer_is_not_part_of_the_history(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.refusal = {"status": 503, "code": "llm.busy", "detail": "바쁩니다."}
    assert (await ask(messages, person, session, "연차는?")).status_code == 503
    host.refusal = None
    await asked(messages, person, session, "병가는?")
    assert host.questions[0]["history"] == []


async def test_a_finished_answer_is_announced_once(
    messages: FunctionClient, person: Person, session: dict[str, Any], broker: BrokerDouble
) -> None:
    turn = await asked(messages, person, session, "연차는?")
    (event,) = await asyncio.to_thread(broker.wait_for, "baeum.chat.turn.completed")
    assert event.subject == turn["id"]
    assert event.data == {
        "session_id": session["id"],
        "turn_id": turn["id"],
        "number": 1,
        "question": "연차는?",
        "answer": turn["answer"]["content"],
    }


async def test_a_character_that_the_database_cannot_hold_does_not_break_an_answer(
    messages: FunctionClient, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.text = "앞\0뒤 \u2028 끝"
    assert (await asked(messages, person, session))["answer"]["content"] == "앞뒤 \u2028 끝"

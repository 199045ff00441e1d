"""A lost connection costs nothing: the answer goes on, and the stream is taken up again where it broke."""

import asyncio
from typing import Any

import pytest

from functions.chat.messages import generation, live
from tests.conftest import StartFunction
from tests.functions.chat.data import MESSAGES, ask, asked
from tests.functions.chat.host import LlmHostDouble, encoded
from tests.functions.chat.rows import age, state_of, until_leased, until_stored
from tests.functions.chat.streams import LAST, asking, resuming, text_of
from tests.functions.client import FunctionClient, Person

ANSWER = "재택근무는 주 2회까지 할 수 있습니다 [1]. 팀장의 승인이 필요합니다."


@pytest.fixture
def host_waits(host: LlmHostDouble) -> LlmHostDouble:
    """The LLM host, saying only what the test says."""
    host.by_itself = False
    return host


async def test_nothing_is_missing_or_doubled_after_a_lost_connection(
    messages: FunctionClient, person: Person, session: dict[str, Any], host_waits: LlmHostDouble
) -> None:
    async with asking(messages, person, session) as stream:
        turn = (await stream.next()).data["turn_id"]
        at_host = await host_waits.next_question()
        await at_host.begin()
        await at_host.say("delta", text=ANSWER[:10])
        seen, place = await stream.text(10)
    await at_host.say("delta", text=ANSWER[10:20])
    async with resuming(messages, person, turn, place) as stream:
        more, place = await stream.text(10)
    await at_host.say("delta", text=ANSWER[20:])
    await at_host.finish()
    async with resuming(messages, person, turn, place) as stream:
        rest = await stream.rest()
    assert seen + more + text_of(rest) == ANSWER
    assert [event.kind for event in rest if event.kind in LAST] == ["done"]
    assert "turn" not in [event.kind for event in rest]


async def test_an_answer_is_finished_and_stored_though_nobody_listens(
    messages: FunctionClient, person: Person, session: dict[str, Any], host_waits: LlmHostDouble
) -> None:
    async with asking(messages, person, session) as stream:
        turn = (await stream.next()).data["turn_id"]
        at_host = await host_waits.next_question()
    await at_host.begin()
    await at_host.say("delta", text=ANSWER)
    await at_host.finish()
    async with resuming(messages, person, turn) as stream:
        assert text_of(await stream.rest()) == ANSWER
    stored = (await messages.http.get(f"{MESSAGES}/{turn}", headers=person.headers)).json()
    assert (stored["answer"]["state"], stored["answer"]["content"]) == ("DONE", ANSWER)


async def test_a_stream_is_taken_up_in_another_process(
    messages: FunctionClient,
    function: StartFunction,
    person: Person,
    session: dict[str, Any],
    host_waits: LlmHostDouble,
) -> None:
    elsewhere = await function("chat-messages", **host_waits.settings)
    async with asking(messages, person, session) as stream:
        turn = (await stream.next()).data["turn_id"]
        at_host = await host_waits.next_question()
        await at_host.begin()
        await at_host.say("delta", text=ANSWER[:10])
        seen, place = await stream.text(10)
    async with resuming(elsewhere, person, turn, place) as stream:
        await at_host.say("delta", text=ANSWER[10:20])
        more, _ = await stream.text(10)
        await at_host.say("delta", text=ANSWER[20:])
        await at_host.finish()
        rest = await stream.rest()
    assert seen + more + text_of(rest) == ANSWER
    assert rest[-1].kind == "done"


async def test_every_place_of_a_finished_answer_can_be_taken_up_again(
    messages: FunctionClient, function: StartFunction, person: Person, session: dict[str, Any], host: LlmHostDouble
) -> None:
    host.text = ANSWER
    async with asking(messages, person, session) as stream:
        events = await stream.rest()
    elsewhere = await function("chat-messages", **host.settings)
    turn = events[0].data["turn_id"]
    async with resuming(elsewhere, person, turn) as stream:
        assert await stream.rest() == events
    for number, event in enumerate(events[:-1]):
        async with resuming(elsewhere, person, turn, event.id) as stream:
            assert await stream.rest() == events[number + 1 :]
    async with elsewhere.http.stream(
        "GET", f"{MESSAGES}/{turn}/stream", params={"after": str(events[-2].id)}, headers=person.headers
    ) as response:
        assert (await response.aread()).startswith(b"event: done\n")


async def test_a_character_cut_by_the_network_arrives_whole(
    messages: FunctionClient, person: Person, session: dict[str, Any], host_waits: LlmHostDouble
) -> None:
    async with asking(messages, person, session) as stream:
        at_host = await host_waits.next_question()
        await at_host.begin()
        for piece in ("가나", "다\u2028라", "힣"):
            for byte in encoded("delta", {"text": piece}):
                await at_host.raw(bytes([byte]))
                await asyncio.sleep(0)
        await at_host.finish()
        assert text_of(await stream.rest()) == "가나다\u2028라힣"


async def test_the_first_piece_is_told_at_once_and_those_close_behind_together(
    messages: FunctionClient,
    person: Person,
    session: dict[str, Any],
    host_waits: LlmHostDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(live, "COALESCE_SECONDS", 3600)
    async with asking(messages, person, session) as stream:
        at_host = await host_waits.next_question()
        await at_host.begin()
        await at_host.say("delta", text="0 ")
        assert (await stream.until("delta")).data["text"] == "0 "
        for n in range(1, 500):
            await at_host.say("delta", text=f"{n} ")
        await at_host.finish()
        rest, done = await stream.rest()
    assert (rest.data["text"], done.kind) == ("".join(f"{n} " for n in range(1, 500)), "done")


@pytest.mark.parametrize("place", ["x", "x:1", "0190a1b2-0000-7000-8000-000000000000", ":", "{id}:-1", "{id}:1e3"])
async def test_a_place_that_is_none_is_refused(
    messages: FunctionClient, person: Person, session: dict[str, Any], place: str
) -> None:
    turn = await asked(messages, person, session)
    headers = {**person.headers, "Last-Event-ID": place.format(id=turn["answer"]["id"])}
    refused = await messages.http.get(f"{MESSAGES}/{turn['id']}/stream", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (400, "stream.event_id_invalid")


async def test_a_place_in_the_answer_to_another_question_is_not_found(
    messages: FunctionClient, person: Person, session: dict[str, Any]
) -> None:
    one, other = await asked(messages, person, session), await asked(messages, person, session)
    headers = {**person.headers, "Last-Event-ID": f"{other['answer']['id']}:1"}
    refused = await messages.http.get(f"{MESSAGES}/{one['id']}/stream", headers=headers)
    assert (refused.status_code, refused.json()["code"]) == (404, "chat.answer_not_found")


async def test_a_host_that_breaks_off_fails_the_answer_and_keeps_what_came(
    messages: FunctionClient, person: Person, session: dict[str, Any], host_waits: LlmHostDouble
) -> None:
    async with asking(messages, person, session) as stream:
        turn = (await stream.next()).data["turn_id"]
        at_host = await host_waits.next_question()
        await at_host.begin()
        await at_host.say("delta", text=ANSWER[:10])
        await stream.text(10)
        at_host.hang_up()
        (last,) = await stream.rest()
    assert (last.kind, last.data["status"], last.data["code"]) == ("error", 503, "llm.unavailable")
    answer = (await messages.http.get(f"{MESSAGES}/{turn}", headers=person.headers)).json()["answer"]
    assert (answer["state"], answer["content"], len(answer["sources"])) == ("FAILED", ANSWER[:10], 1)
    assert answer["failure"]["code"] == "llm.unavailable"


async def test_a_problem_that_the_host_reports_midway_is_passed_on(
    messages: FunctionClient, person: Person, session: dict[str, Any], host_waits: LlmHostDouble
) -> None:
    async with asking(messages, person, session) as stream:
        at_host = await host_waits.next_question()
        await at_host.begin()
        await at_host.say("error", status=503, code="llm.overloaded", detail="지금은 질문이 많습니다.")
        last = (await stream.rest())[-1]
    assert (last.kind, last.data["code"], last.data["detail"]) == ("error", "llm.overloaded", "지금은 질문이 많습니다.")


async def test_an_answer_that_makes_no_sense_fails_instead_of_staying_live(
    messages: FunctionClient, person: Person, session: dict[str, Any], host_waits: LlmHostDouble
) -> None:
    async with asking(messages, person, session) as stream:
        at_host = await host_waits.next_question()
        await at_host.say("sources", passages=[{"number": "one"}])
        last = (await stream.rest())[-1]
    assert (last.kind, last.data["status"], last.data["code"]) == ("error", 500, "internal")
    await asyncio.wait_for(at_host.gone.wait(), 20)


async def test_an_answer_that_takes_too_long_is_given_up(
    messages: FunctionClient,
    person: Person,
    session: dict[str, Any],
    host_waits: LlmHostDouble,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generation, "LIMIT_SECONDS", 0.3)
    refused = await ask(messages, person, session)
    assert (refused.status_code, refused.json()["code"]) == (504, "chat.timeout")
    at_host = await host_waits.next_question()
    await asyncio.wait_for(at_host.gone.wait(), 20)


async def test_an_answer_whose_process_is_gone_ends_with_an_error_for_whoever_listens(
    messages: FunctionClient,
    function: StartFunction,
    person: Person,
    session: dict[str, Any],
    host_waits: LlmHostDouble,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generation, "QUIET_SECONDS", 3600)  # nothing is heard of it until the host says more
    elsewhere = await function("chat-messages", **host_waits.settings)
    async with asking(messages, person, session) as stream:
        turn = (await stream.next()).data
        at_host = await host_waits.next_question()
        await at_host.begin()
        await at_host.say("delta", text=ANSWER[:10])
        _, place = await stream.text(10)
        await until_stored(database_url, place)
        await age(database_url, turn["generation_id"], "lease_until")
        async with resuming(elsewhere, person, turn["turn_id"]) as other:
            last = (await other.rest())[-1]
        assert (last.kind, last.data["code"]) == ("error", "chat.interrupted")
        await at_host.say("delta", text=ANSWER[10:])
        await asyncio.wait_for(at_host.gone.wait(), 20)  # the process was not gone, and notices that it was given up
        assert (await stream.rest())[-1].data["code"] == "chat.interrupted"
    assert await state_of(database_url, turn["generation_id"]) == "FAILED"


async def test_an_answer_keeps_its_lease_while_the_host_thinks(
    messages: FunctionClient,
    person: Person,
    session: dict[str, Any],
    host_waits: LlmHostDouble,
    database_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(generation, "QUIET_SECONDS", 0.1)
    async with asking(messages, person, session) as stream:
        turn = (await stream.next()).data
        at_host = await host_waits.next_question()
        await age(database_url, turn["generation_id"], "lease_until")
        await until_leased(database_url, turn["generation_id"])
        await at_host.finish()
        assert (await stream.rest())[-1].kind == "done"


async def test_an_old_answer_is_read_and_not_streamed(
    messages: FunctionClient, person: Person, session: dict[str, Any], database_url: str
) -> None:
    turn = await asked(messages, person, session)
    await age(database_url, turn["answer"]["id"], "created_at", days=2)
    async with resuming(messages, person, turn["id"]) as stream:
        last = (await stream.rest())[-1]
    assert (last.kind, last.data["status"], last.data["code"]) == ("error", 410, "stream.forgotten")
    assert (await messages.http.get(f"{MESSAGES}/{turn['id']}", headers=person.headers)).status_code == 200

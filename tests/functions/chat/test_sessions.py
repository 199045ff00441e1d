"""Conversations and their topics: made, found, renamed and deleted by the person they belong to, and by nobody else."""

import asyncio
import re
from typing import Any
from uuid import uuid4

import httpx
import pytest

from tests.functions.chat.data import SESSIONS, asked, new_session
from tests.functions.chat.host import LlmHostDouble
from tests.functions.client import FunctionClient, Person


async def listed(sessions: FunctionClient, person: Person, **query: Any) -> dict[str, Any]:
    """One page of a person's conversations."""
    page = await sessions.http.get(SESSIONS, params=query, headers=person.headers)
    assert page.status_code == 200, page.text
    document: dict[str, Any] = page.json()
    return document


async def titles(sessions: FunctionClient, person: Person, **query: Any) -> list[str]:
    """The titles of a person's conversations, as they are listed."""
    return [session["title"] for session in (await listed(sessions, person, **query))["items"]]


async def rename(
    sessions: FunctionClient, person: Person, thing: dict[str, Any], title: str, path: str = "", etag: str | None = None
) -> httpx.Response:
    """Renames a conversation, or with `path` a topic, as it was read."""
    headers = {**person.headers, "If-Match": etag or thing["etag"]}
    return await sessions.http.patch(f"{SESSIONS}/{path or thing['id']}", json={"title": title}, headers=headers)


async def test_a_new_conversation_has_a_title_with_its_time_and_a_first_topic(
    sessions: FunctionClient, person: Person
) -> None:
    session = await new_session(sessions, person)
    assert re.fullmatch(r"새 채팅 20\d\d-\d\d-\d\d \d\d:\d\d", session["title"])
    assert (session["title_state"], session["etag"]) == ("DEFAULT", '"1"')
    (section,) = session["sections"]
    assert (section["number"], section["title"]) == (1, "주제 1")
    read = await sessions.http.get(f"{SESSIONS}/{session['id']}", headers=person.headers)
    assert (read.json(), read.headers["ETag"]) == (session, session["etag"])


async def test_a_conversation_with_a_title_keeps_it(sessions: FunctionClient, person: Person) -> None:
    session = await new_session(sessions, person, "  \u1112\u1172\u1100\u1161 문의 ")
    assert (session["title"], session["title_state"]) == ("휴가 문의", "CHOSEN")


@pytest.mark.parametrize("title", ["", "  ", "가" * 201, "앞\0뒤", 3])
async def test_a_title_that_cannot_be_one_is_refused(sessions: FunctionClient, person: Person, title: object) -> None:
    refused = await sessions.http.post(SESSIONS, json={"title": title}, headers=person.headers)
    assert (refused.status_code, refused.json()["errors"][0]["pointer"]) == (422, "/title")


async def test_the_same_key_at_the_same_moment_makes_one_conversation(sessions: FunctionClient, person: Person) -> None:
    headers = {**person.headers, "Idempotency-Key": "k"}
    made = await asyncio.gather(*(sessions.http.post(SESSIONS, json={}, headers=headers) for _ in range(4)))
    assert {answer.status_code for answer in made} == {201}
    assert len({answer.json()["id"] for answer in made}) == 1
    assert len((await listed(sessions, person))["items"]) == 1


async def test_conversations_are_listed_last_active_first(
    sessions: FunctionClient, messages: FunctionClient, person: Person
) -> None:
    old, _ = await new_session(sessions, person, "먼저"), await new_session(sessions, person, "나중")
    assert await titles(sessions, person) == ["나중", "먼저"]
    await asked(messages, person, old)
    assert await titles(sessions, person) == ["먼저", "나중"]


async def test_pages_of_conversations_meet_without_gap_or_overlap(sessions: FunctionClient, person: Person) -> None:
    for number in range(5):
        await new_session(sessions, person, f"{number}")
    first = await listed(sessions, person, limit=2)
    second = await listed(sessions, person, limit=2, cursor=first["next_cursor"])
    third = await listed(sessions, person, limit=2, cursor=second["next_cursor"])
    assert [s["title"] for page in (first, second, third) for s in page["items"]] == ["4", "3", "2", "1", "0"]
    assert third["next_cursor"] is None


async def test_nobody_sees_or_touches_somebody_elses_conversation(
    sessions: FunctionClient, person: Person, somebody_else: Person
) -> None:
    session = await new_session(sessions, person)
    assert await titles(sessions, somebody_else) == []
    section = f"/sections/{session['sections'][0]['id']}"
    calls = [("GET", ""), ("PATCH", ""), ("DELETE", ""), ("GET", "/messages"), ("GET", "/export")]
    calls += [("POST", "/sections"), ("PATCH", section)]
    for method, path in calls:
        body = {"title": "남의 것"} if method in ("POST", "PATCH") else None
        headers = {**somebody_else.headers, "If-Match": '"1"'}
        answer = await sessions.http.request(method, f"{SESSIONS}/{session['id']}{path}", json=body, headers=headers)
        assert (answer.status_code, answer.json()["code"]) == (404, "chat.session_not_found"), (method, path)
    unchanged = await sessions.http.get(f"{SESSIONS}/{session['id']}", headers=person.headers)
    assert unchanged.json() == session


async def test_search_finds_titles_and_questions_in_any_case_and_form(
    sessions: FunctionClient, messages: FunctionClient, person: Person
) -> None:
    by_question = await new_session(sessions, person, "월요일")
    await new_session(sessions, person, "VPN 접속")
    await asked(messages, person, by_question, "경조사 휴가는?")
    assert await titles(sessions, person, search="vpn") == ["VPN 접속"]
    assert await titles(sessions, person, search="경조사") == ["월요일"]
    assert await titles(sessions, person, search="\u1100\u1167\u11bc조사") == ["월요일"]
    assert await titles(sessions, person, search="없는 말") == []


async def test_search_takes_wildcards_literally(sessions: FunctionClient, person: Person) -> None:
    for title in ("할인 50%", "50점", r"C:\temp", "a_b", "aXb"):
        await new_session(sessions, person, title)
    assert await titles(sessions, person, search="50%") == ["할인 50%"]
    assert await titles(sessions, person, search="%") == ["할인 50%"]
    assert await titles(sessions, person, search="a_b") == ["a_b"]
    assert await titles(sessions, person, search="\\") == [r"C:\temp"]


@pytest.mark.parametrize(
    ("query", "status"),
    [({"search": "\0"}, 422), ({"search": "가" * 201}, 422), ({"cursor": "x"}, 400), ({"limit": 0}, 422)],
)
async def test_a_list_that_cannot_be_meant_is_refused(
    sessions: FunctionClient, person: Person, query: dict[str, Any], status: int
) -> None:
    assert (await sessions.http.get(SESSIONS, params=query, headers=person.headers)).status_code == status


async def test_a_late_title_cannot_overwrite_a_newer_one(sessions: FunctionClient, person: Person) -> None:
    session = await new_session(sessions, person)
    renamed = await rename(sessions, person, session, "새 제목")
    assert (renamed.status_code, renamed.headers["ETag"]) == (200, '"2"')
    assert (renamed.json()["title"], renamed.json()["title_state"]) == ("새 제목", "CHOSEN")
    late = await rename(sessions, person, session, "늦은 제목")
    assert (late.status_code, late.json()["code"]) == (412, "edit.stale")
    assert await titles(sessions, person) == ["새 제목"]


async def test_of_two_titles_at_once_one_is_late(sessions: FunctionClient, person: Person) -> None:
    session = await new_session(sessions, person)
    answers = await asyncio.gather(*(rename(sessions, person, session, f"제목 {n}") for n in range(3)))
    assert sorted(answer.status_code for answer in answers) == [200, 412, 412]


async def test_an_edit_without_having_read_is_refused(sessions: FunctionClient, person: Person) -> None:
    session = await new_session(sessions, person)
    section = f"{session['id']}/sections/{session['sections'][0]['id']}"
    for path in (session["id"], section):
        refused = await sessions.http.patch(f"{SESSIONS}/{path}", json={"title": "x"}, headers=person.headers)
        assert refused.status_code == 428


async def test_a_deleted_conversation_is_gone(
    sessions: FunctionClient, messages: FunctionClient, person: Person
) -> None:
    session = await new_session(sessions, person)
    turn = await asked(messages, person, session)
    path = f"{SESSIONS}/{session['id']}"
    assert (await sessions.http.delete(path, headers=person.headers)).status_code == 204
    assert (await sessions.http.delete(path, headers=person.headers)).status_code == 404
    assert (await sessions.http.get(path, headers=person.headers)).status_code == 404
    assert (await sessions.http.get(f"{path}/messages", headers=person.headers)).status_code == 404
    assert (await messages.http.get(f"/api/chat/messages/{turn['id']}", headers=person.headers)).status_code == 404
    assert await titles(sessions, person) == []


async def test_an_address_that_is_none_is_not_found(sessions: FunctionClient, person: Person) -> None:
    for name in ("nonsense", str(uuid4())):
        assert (await sessions.http.get(f"{SESSIONS}/{name}", headers=person.headers)).status_code == 404


async def test_topics_are_numbered_even_when_they_begin_at_once(sessions: FunctionClient, person: Person) -> None:
    session = await new_session(sessions, person)
    path = f"{SESSIONS}/{session['id']}/sections"
    added = await asyncio.gather(*(sessions.http.post(path, json={}, headers=person.headers) for _ in range(3)))
    assert sorted(answer.json()["title"] for answer in added) == ["주제 2", "주제 3", "주제 4"]
    named = await sessions.http.post(path, json={"title": "출장"}, headers=person.headers)
    assert (named.status_code, named.json()["number"], named.json()["title"]) == (201, 5, "출장")


async def test_a_topic_is_renamed_only_as_it_was_read(sessions: FunctionClient, person: Person) -> None:
    session = await new_session(sessions, person)
    section = session["sections"][0]
    path = f"{session['id']}/sections/{section['id']}"
    renamed = await rename(sessions, person, section, "휴가", path)
    assert (renamed.json()["title"], renamed.headers["ETag"]) == ("휴가", '"2"')
    assert (await rename(sessions, person, section, "늦음", path)).status_code == 412
    other = await new_session(sessions, person)
    refused = await rename(sessions, person, section, "x", f"{other['id']}/sections/{section['id']}")
    assert (refused.status_code, refused.json()["code"]) == (404, "chat.section_not_found")


async def test_history_shows_the_newest_turns_with_answer_sources_and_opinion(
    sessions: FunctionClient, messages: FunctionClient, person: Person, host: LlmHostDouble
) -> None:
    session = await new_session(sessions, person)
    turn = await asked(messages, person, session, "연차는?")
    host.text = "다시 쓴 답변 [1]"
    await messages.http.post(f"/api/chat/messages/{turn['id']}/regenerate", headers=person.headers)
    await messages.http.put(f"/api/chat/messages/{turn['id']}/feedback", json={"rating": "UP"}, headers=person.headers)
    await asked(messages, person, session, "병가는?")
    page = await sessions.http.get(f"{SESSIONS}/{session['id']}/messages", headers=person.headers)
    second, first = page.json()["items"]
    assert (first["question"], first["number"], first["answer_count"]) == ("연차는?", 1, 2)
    assert (first["answer"]["version"], first["answer"]["content"]) == (2, "다시 쓴 답변 [1]")
    assert first["answer"]["sources"][0]["clause"] == "제15조"
    assert "text" not in first["answer"]["sources"][0]
    assert first["answer"]["feedback"]["rating"] == "UP"
    assert (second["number"], second["answer"]["feedback"]) == (2, None)


async def test_older_turns_come_by_cursor_without_gap_or_overlap(
    sessions: FunctionClient, messages: FunctionClient, person: Person
) -> None:
    session = await new_session(sessions, person)
    for _ in range(5):
        await asked(messages, person, session)
    numbers, cursor = [], None
    while True:
        query = {"limit": 2, **({"cursor": cursor} if cursor else {})}
        page = await sessions.http.get(f"{SESSIONS}/{session['id']}/messages", params=query, headers=person.headers)
        numbers += [turn["number"] for turn in page.json()["items"]]
        if (cursor := page.json()["next_cursor"]) is None:
            break
    assert numbers == [5, 4, 3, 2, 1]

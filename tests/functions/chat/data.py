"""Data for tests of the chat, and the two things that everybody does first: begin a conversation, and ask."""

from typing import Any
from uuid import uuid4

import httpx

from tests.functions.client import FunctionClient, Person

SESSIONS = "/api/chat/sessions"
MESSAGES = "/api/chat/messages"
DOCUMENT = str(uuid4())


def passage(number: int) -> dict[str, Any]:
    """A passage as the LLM host cites it."""
    return {
        "number": number,
        "chunk_id": f"{DOCUMENT}:{number}",
        "document_id": DOCUMENT,
        "version_id": DOCUMENT,
        "title": "취업규칙",
        "version": 2,
        "page": 11 + number,
        "heading": "제4장 휴가",
        "clause": "제15조",
        "snippet": "1년간 80퍼센트 이상 출근한\n직원에게 15일의 유급휴가를 준다.",
        "text": "제15조 1년간 80퍼센트 이상 출근한\n직원에게 15일의 유급휴가를 준다.",
        "score": 0.9,
    }


async def new_session(sessions: FunctionClient, person: Person, title: str | None = None) -> dict[str, Any]:
    """A conversation of a person."""
    created = await sessions.http.post(SESSIONS, json={"title": title}, headers=person.headers)
    assert created.status_code == 201, created.text
    document: dict[str, Any] = created.json()
    return document


async def ask(
    messages: FunctionClient, person: Person, session: dict[str, Any], content: str = "연차는 며칠인가요?", **more: Any
) -> httpx.Response:
    """Asks, and waits for the whole answer as JSON."""
    key = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    body = {"session_id": session["id"], "content": content, **more}
    return await messages.http.post(MESSAGES, json=body, headers={**person.headers, **key})


async def asked(
    messages: FunctionClient, person: Person, session: dict[str, Any], content: str = "연차는 며칠인가요?", **more: Any
) -> dict[str, Any]:
    """A turn that has been answered."""
    answered = await ask(messages, person, session, content, **more)
    assert answered.status_code == 201, answered.text
    turn: dict[str, Any] = answered.json()
    return turn

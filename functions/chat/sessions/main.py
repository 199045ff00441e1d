"""Conversations and their topics: created, found, renamed, read, exported and deleted by the person they belong to."""

from datetime import UTC, datetime
from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Query, Response

from functions.chat.sessions import service
from functions.chat.sessions.export import content_disposition, export
from functions.chat.sessions.schemas import (
    NewSection,
    NewSession,
    Section,
    Session,
    SessionWithSections,
    TitleChange,
)
from functions.chat.sessions.titles import turn_completed
from functions.chat.sessions.upkeep import minute_passed
from functions.chat.texts import SearchText
from functions.chat.turns import Turn
from shared.auth import Employee
from shared.db import Tx
from shared.etags import ExpectedRevision
from shared.events import MINUTE_PASSED
from shared.function import create_api, event_target, http_target
from shared.idempotency import Idempotent
from shared.pages import MAX_LIMIT, Cursor, Page, PageRequest, Paging

router = APIRouter()

WITHOUT_SOURCE_TEXTS: dict[str, Any] = {"items": {"__all__": {"answer": {"sources": {"__all__": {"text"}}}}}}


def _history_request(limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = 50, cursor: str | None = None) -> PageRequest:
    return PageRequest(limit, Cursor.parse(cursor) if cursor else None)


HistoryPaging = Annotated[PageRequest, Depends(_history_request)]


@router.post("", status_code=201, response_model=SessionWithSections)
async def create(new: NewSession, me: Employee, tx: Tx, once: Idempotent) -> Response:
    """Begins a conversation."""
    return await once.answer(tx, me, lambda: service.create(tx, me, new.title, datetime.now(UTC)))


@router.get("")
async def find_all(me: Employee, tx: Tx, paging: Paging, search: SearchText = "") -> Page[Session]:
    """The caller's conversations, last active first; `search` looks in titles and questions."""
    return await service.find_all(tx, me, search, paging)


@router.get("/{session_id}")
async def read(session_id: UUID, me: Employee, tx: Tx, response: Response) -> SessionWithSections:
    """A conversation with its topics."""
    found = await service.read(tx, me, session_id)
    response.headers["ETag"] = found.etag
    return found


@router.patch("/{session_id}")
async def rename(
    session_id: UUID, change: TitleChange, me: Employee, tx: Tx, expected: ExpectedRevision, response: Response
) -> Session:
    """Gives a conversation another title, which no generated one replaces."""
    renamed = await service.rename(tx, me, session_id, change.title, expected)
    response.headers["ETag"] = renamed.etag
    return renamed


@router.delete("/{session_id}", status_code=204)
async def delete(session_id: UUID, me: Employee, tx: Tx) -> None:
    """Deletes a conversation."""
    await service.delete(tx, me, session_id)


@router.get("/{session_id}/messages", response_model_exclude=WITHOUT_SOURCE_TEXTS)
async def history(session_id: UUID, me: Employee, tx: Tx, paging: HistoryPaging) -> Page[Turn]:
    """What was asked and answered, newest first: the last 50 turns, and older ones by cursor."""
    return await service.history(tx, me, session_id, paging)


@router.post("/{session_id}/sections", status_code=201, response_model=Section)
async def add_section(session_id: UUID, new: NewSection, me: Employee, tx: Tx, once: Idempotent) -> Response:
    """Begins a topic: what is asked in it is understood from its own turns alone."""
    return await once.answer(tx, me, lambda: service.add_section(tx, me, session_id, new.title))


@router.patch("/{session_id}/sections/{section_id}")
async def rename_section(
    session_id: UUID,
    section_id: UUID,
    change: TitleChange,
    me: Employee,
    tx: Tx,
    expected: ExpectedRevision,
    response: Response,
) -> Section:
    """Gives a topic another title."""
    renamed = await service.rename_section(tx, me, session_id, section_id, change.title, expected)
    response.headers["ETag"] = renamed.etag
    return renamed


@router.get("/{session_id}/export", response_class=Response, responses={200: {"content": {"text/markdown": {}}}})
async def download(session_id: UUID, me: Employee, tx: Tx) -> Response:
    """The conversation as a Markdown file, with the sources as footnotes."""
    filename, text = await export(tx, me, session_id)
    headers = {"Content-Disposition": content_disposition(filename)}
    return Response(text, media_type="text/markdown; charset=utf-8", headers=headers)


api = create_api(
    "chat-sessions",
    router,
    {"baeum.chat.turn.completed": turn_completed, MINUTE_PASSED: minute_passed},
)
http = http_target(api)
event = event_target(api)

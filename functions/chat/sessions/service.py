"""What the group does: a person's conversations, their topics and their history."""

from datetime import datetime, timedelta, timezone
from uuid import UUID

from functions.chat.sessions import queries
from functions.chat.sessions.queries import SectionRow, SessionRow
from functions.chat.sessions.schemas import Section, SessionWithSections
from functions.chat.sessions.schemas import Session as ChatSession
from functions.chat.states import TitleState
from functions.chat.turns import AnswerRow, Turn, TurnRow, turn
from shared.auth import Principal
from shared.db import Session
from shared.errors import Problem, not_found, stale
from shared.etags import etag
from shared.ids import uuid7
from shared.pages import Cursor, Page, PageRequest

KOREA = timezone(timedelta(hours=9), "KST")  # no daylight saving time, so no zone database is needed


async def create(session: Session, me: Principal, title: str | None, now: datetime) -> SessionWithSections:
    """Creates a conversation with its first topic; without a title it is called after the time, in Korea."""
    row = await session.one(
        queries.add_session,
        id=uuid7(),
        owner=me.id,
        title=title or f"새 채팅 {now.astimezone(KOREA):%Y-%m-%d %H:%M}",
        title_state=TitleState.CHOSEN if title else TitleState.DEFAULT,
    )
    section = await session.one(queries.add_section, id=uuid7(), session_id=row.id, title=None)
    return _with_sections(row, [section])


async def find_all(session: Session, me: Principal, search: str, paging: PageRequest) -> Page[ChatSession]:
    """The caller's conversations, last active first; `search` is looked for in titles and questions."""
    pattern = f"%{_escaped(search)}%" if search else None
    rows = await session.all(queries.list_sessions, owner=me.id, pattern=pattern, **paging.parameters())
    return paging.page(rows, _shown, lambda row: Cursor(row.active_at, row.id))


async def read(session: Session, me: Principal, session_id: UUID) -> SessionWithSections:
    """A conversation with its topics. Raises a 404 problem when the caller has no such conversation."""
    row = await _owned(session, me, session_id)
    return _with_sections(row, await session.all(queries.list_sections, session_id=session_id))


async def rename(session: Session, me: Principal, session_id: UUID, title: str, revision: int) -> ChatSession:
    """Gives a conversation the title that the person has chosen. Raises a 412 problem when it has changed since."""
    row = await session.first(queries.rename_session, id=session_id, owner=me.id, title=title, revision=revision)
    if row is None:
        await _owned(session, me, session_id)
        raise stale()
    return _shown(row)


async def delete(session: Session, me: Principal, session_id: UUID) -> None:
    """Removes a conversation from everything that people see. Raises a 404 problem when there is none."""
    if not await session.run(queries.delete_session, id=session_id, owner=me.id):
        raise _no_session()


async def add_section(session: Session, me: Principal, session_id: UUID, title: str | None) -> Section:
    """Begins a topic: what is asked from now on is understood without what was asked before."""
    if await session.first(queries.lock_session, id=session_id, owner=me.id) is None:
        raise _no_session()
    return _section(await session.one(queries.add_section, id=uuid7(), session_id=session_id, title=title))


async def rename_section(
    session: Session, me: Principal, session_id: UUID, section_id: UUID, title: str, revision: int
) -> Section:
    """Gives a topic another title. Raises a 412 problem when it has changed since."""
    await _owned(session, me, session_id)
    identity = {"session_id": session_id, "id": section_id}
    row = await session.first(queries.rename_section, **identity, title=title, revision=revision)
    if row is None:
        if await session.first(queries.find_section, **identity) is None:
            raise not_found("chat.section_not_found", "대화의 주제를 찾을 수 없습니다.")
        raise stale()
    return _section(row)


async def history(session: Session, me: Principal, session_id: UUID, paging: PageRequest) -> Page[Turn]:
    """The turns of a conversation, newest first."""
    await _owned(session, me, session_id)
    after_id = paging.after.id if paging.after else None
    rows = await session.all(queries.list_turns, session_id=session_id, after_id=after_id, take=paging.limit + 1)
    answers = await newest_answers(session, rows)
    return paging.page(rows, lambda row: turn(row, answers[row.id]), lambda row: Cursor(row.created_at, row.id))


async def newest_answers(session: Session, turns: list[TurnRow]) -> dict[UUID, AnswerRow]:
    """The newest answer of each turn, by the turn's id."""
    answers = await session.all(queries.list_newest_answers, turn_ids=[row.id for row in turns])
    return {answer.turn_id: answer for answer in answers}


async def _owned(session: Session, me: Principal, session_id: UUID) -> SessionRow:
    row = await session.first(queries.find_session, id=session_id, owner=me.id)
    if row is None:
        raise _no_session()
    return row


def _escaped(search: str) -> str:
    """A text that LIKE takes literally."""
    return search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


def _shown(row: SessionRow) -> ChatSession:
    return ChatSession(
        id=row.id,
        title=row.title,
        title_state=TitleState(row.title_state),
        etag=etag(row.revision),
        created_at=row.created_at,
        active_at=row.active_at,
    )


def _with_sections(row: SessionRow, sections: list[SectionRow]) -> SessionWithSections:
    return SessionWithSections(**dict(_shown(row)), sections=[_section(section) for section in sections])


def _section(row: SectionRow) -> Section:
    return Section(id=row.id, number=row.number, title=row.title, etag=etag(row.revision), created_at=row.created_at)


def _no_session() -> Problem:
    return not_found("chat.session_not_found", "대화를 찾을 수 없습니다.")

"""Every statement of the group."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from functions.chat import leases
from functions.chat.turns import AnswerRow, TurnRow
from shared.db import Query

fail_lost = leases.fail_lost


@dataclass(frozen=True, slots=True)
class SessionRow:
    id: UUID
    title: str
    title_state: str
    revision: int
    created_at: datetime
    active_at: datetime


@dataclass(frozen=True, slots=True)
class SectionRow:
    id: UUID
    number: int
    title: str
    revision: int
    created_at: datetime


add_session = Query(
    SessionRow,
    """
    INSERT INTO chat.session (id, owner, title, title_state) VALUES (%(id)s, %(owner)s, %(title)s, %(title_state)s)
    RETURNING id, title, title_state, revision, created_at, active_at
    """,
    id=UUID,
    owner=UUID,
    title=str,
    title_state=str,
)

list_sessions = Query(
    SessionRow,
    """
    SELECT id, title, title_state, revision, created_at, active_at FROM chat.session s
    WHERE owner = %(owner)s AND deleted_at IS NULL
      AND (%(after_at)s::timestamptz IS NULL OR (active_at, id) < (%(after_at)s::timestamptz, %(after_id)s::uuid))
      AND (%(pattern)s::text IS NULL OR title ILIKE %(pattern)s::text OR EXISTS (
        SELECT 1 FROM chat.turn t WHERE t.session_id = s.id AND t.question ILIKE %(pattern)s::text))
    ORDER BY active_at DESC, id DESC LIMIT %(take)s
    """,
    owner=UUID,
    pattern=str | None,
    after_at=datetime | None,
    after_id=UUID | None,
    take=int,
)

find_session = Query(
    SessionRow,
    """
    SELECT id, title, title_state, revision, created_at, active_at FROM chat.session
    WHERE id = %(id)s AND owner = %(owner)s AND deleted_at IS NULL
    """,
    id=UUID,
    owner=UUID,
)

lock_session = Query(
    UUID,
    "SELECT id FROM chat.session WHERE id = %(id)s AND owner = %(owner)s AND deleted_at IS NULL FOR UPDATE",
    id=UUID,
    owner=UUID,
)

rename_session = Query(
    SessionRow,
    """
    UPDATE chat.session SET title = %(title)s, title_state = 'CHOSEN', revision = revision + 1
    WHERE id = %(id)s AND owner = %(owner)s AND deleted_at IS NULL AND revision = %(revision)s
    RETURNING id, title, title_state, revision, created_at, active_at
    """,
    id=UUID,
    owner=UUID,
    title=str,
    revision=int,
)

delete_session = Query[None](
    None,
    "UPDATE chat.session SET deleted_at = now() WHERE id = %(id)s AND owner = %(owner)s AND deleted_at IS NULL",
    id=UUID,
    owner=UUID,
)

find_title_state = Query(str, "SELECT title_state FROM chat.session WHERE id = %(id)s AND deleted_at IS NULL", id=UUID)

# A title that the person has chosen is never overwritten.
set_generated_title = Query[None](
    None,
    """
    UPDATE chat.session SET title = %(title)s, title_state = 'GENERATED', revision = revision + 1
    WHERE id = %(id)s AND deleted_at IS NULL AND title_state = 'DEFAULT'
    """,
    id=UUID,
    title=str,
)

add_section = Query(
    SectionRow,
    """
    INSERT INTO chat.section (id, session_id, number, title)
    SELECT %(id)s, %(session_id)s, coalesce(max(number), 0) + 1,
           coalesce(%(title)s::text, '주제 ' || (coalesce(max(number), 0) + 1))
    FROM chat.section WHERE session_id = %(session_id)s
    RETURNING id, number, title, revision, created_at
    """,
    id=UUID,
    session_id=UUID,
    title=str | None,
)

list_sections = Query(
    SectionRow,
    "SELECT id, number, title, revision, created_at FROM chat.section WHERE session_id = %(session_id)s ORDER BY number",
    session_id=UUID,
)

find_section = Query(
    UUID, "SELECT id FROM chat.section WHERE session_id = %(session_id)s AND id = %(id)s", session_id=UUID, id=UUID
)

rename_section = Query(
    SectionRow,
    """
    UPDATE chat.section SET title = %(title)s, revision = revision + 1
    WHERE id = %(id)s AND session_id = %(session_id)s AND revision = %(revision)s
    RETURNING id, number, title, revision, created_at
    """,
    id=UUID,
    session_id=UUID,
    title=str,
    revision=int,
)

list_turns = Query(
    TurnRow,
    """
    SELECT id, session_id, section_id, number, question, domains, created_at FROM chat.turn
    WHERE session_id = %(session_id)s
      AND (%(after_id)s::uuid IS NULL OR number < (
        SELECT number FROM chat.turn WHERE id = %(after_id)s::uuid AND session_id = %(session_id)s))
    ORDER BY number DESC LIMIT %(take)s
    """,
    session_id=UUID,
    after_id=UUID | None,
    take=int | None,
)

list_newest_answers = Query(
    AnswerRow,
    """
    SELECT DISTINCT ON (g.turn_id)
           g.id, g.turn_id, g.version, g.state, g.content, g.sources, g.meta, g.error_status, g.error_code,
           g.error_detail, g.created_at, g.finished_at, f.rating, f.comment, f.updated_at AS rated_at
    FROM chat.generation g LEFT JOIN chat.feedback f ON f.generation_id = g.id
    WHERE g.turn_id = ANY(%(turn_ids)s) ORDER BY g.turn_id, g.version DESC
    """,
    turn_ids=list[UUID],
)

# A generation's id begins with its time (UUIDv7), so the old ones are the first of the primary key.
forget_events = Query[None](None, "DELETE FROM chat.generation_event WHERE generation_id < %(before)s", before=UUID)

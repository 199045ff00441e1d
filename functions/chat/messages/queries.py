"""Every statement of the group."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from psycopg.types.json import Jsonb

from functions.chat import leases
from functions.chat.turns import AnswerRow, TurnRow
from shared.db import Query

fail_lost = leases.fail_lost


@dataclass(frozen=True, slots=True)
class GenerationRow:
    id: UUID
    turn_id: UUID
    version: int
    state: str


@dataclass(frozen=True, slots=True)
class ProgressRow:
    """`lost`: live, and its process is gone. `forgotten`: so old that its events may have been removed."""

    state: str
    lost: bool
    forgotten: bool
    meta: dict[str, Any]
    error_status: int | None
    error_code: str | None
    error_detail: str | None


@dataclass(frozen=True, slots=True)
class EventRow:
    number: int
    kind: str
    data: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ExchangeRow:
    question: str
    answer: str


# Locks the session: turns that are added to it at the same moment get their numbers one after the other.
touch_session = Query(
    UUID,
    """
    UPDATE chat.session SET active_at = now()
    WHERE id = %(id)s AND owner = %(owner)s AND deleted_at IS NULL
    RETURNING id
    """,
    id=UUID,
    owner=UUID,
)

find_section = Query(
    UUID,
    """
    SELECT id FROM chat.section
    WHERE session_id = %(session_id)s AND (%(id)s::uuid IS NULL OR id = %(id)s::uuid)
    ORDER BY number DESC LIMIT 1
    """,
    session_id=UUID,
    id=UUID | None,
)

add_turn = Query(
    TurnRow,
    """
    INSERT INTO chat.turn (id, session_id, section_id, owner, number, question, domains, request_key, request_hash)
    SELECT %(id)s, %(session_id)s, %(section_id)s, %(owner)s, coalesce(max(number), 0) + 1,
           %(question)s, %(domains)s, %(request_key)s, %(request_hash)s
    FROM chat.turn WHERE session_id = %(session_id)s
    ON CONFLICT (owner, request_key) DO NOTHING
    RETURNING id, session_id, section_id, number, question, domains, created_at
    """,
    id=UUID,
    session_id=UUID,
    section_id=UUID,
    owner=UUID,
    question=str,
    domains=list[str],
    request_key=str | None,
    request_hash=bytes,
)

find_turn_of_request = Query(
    TurnRow,
    """
    SELECT id, session_id, section_id, number, question, domains, created_at
    FROM chat.turn WHERE owner = %(owner)s AND request_key = %(request_key)s AND request_hash = %(request_hash)s
    """,
    owner=UUID,
    request_key=str,
    request_hash=bytes,
)

find_turn = Query(
    TurnRow,
    """
    SELECT t.id, t.session_id, t.section_id, t.number, t.question, t.domains, t.created_at
    FROM chat.turn t JOIN chat.session s ON s.id = t.session_id
    WHERE t.id = %(id)s AND t.owner = %(owner)s AND s.deleted_at IS NULL
    """,
    id=UUID,
    owner=UUID,
)

lock_turn = Query(
    TurnRow,
    """
    SELECT t.id, t.session_id, t.section_id, t.number, t.question, t.domains, t.created_at
    FROM chat.turn t JOIN chat.session s ON s.id = t.session_id
    WHERE t.id = %(id)s AND t.owner = %(owner)s AND s.deleted_at IS NULL
    FOR UPDATE OF t
    """,
    id=UUID,
    owner=UUID,
)

list_history = Query(
    ExchangeRow,
    """
    SELECT t.question, g.content AS answer
    FROM chat.turn t CROSS JOIN LATERAL (
      SELECT content FROM chat.generation WHERE turn_id = t.id AND state = 'DONE' ORDER BY version DESC LIMIT 1
    ) g
    WHERE t.section_id = %(section_id)s AND t.number < %(before)s
    ORDER BY t.number DESC LIMIT %(take)s
    """,
    section_id=UUID,
    before=int,
    take=int,
)

add_generation = Query(
    GenerationRow,
    """
    INSERT INTO chat.generation (id, turn_id, version, sources, meta, lease_until)
    SELECT %(id)s, %(turn_id)s, coalesce(max(version), 0) + 1, '[]', '{}', now() + interval '30 seconds'
    FROM chat.generation WHERE turn_id = %(turn_id)s
    RETURNING id, turn_id, version, state
    """,
    id=UUID,
    turn_id=UUID,
)

find_generation = Query(
    GenerationRow,
    """
    SELECT id, turn_id, version, state FROM chat.generation
    WHERE turn_id = %(turn_id)s AND (%(id)s::uuid IS NULL OR id = %(id)s::uuid)
    ORDER BY version DESC LIMIT 1
    """,
    turn_id=UUID,
    id=UUID | None,
)

count_done = Query(
    int, "SELECT count(*) FROM chat.generation WHERE turn_id = %(turn_id)s AND state = 'DONE'", turn_id=UUID
)

list_answers = Query(
    AnswerRow,
    """
    SELECT g.id, g.turn_id, g.version, g.state, g.content, g.sources, g.meta, g.error_status, g.error_code,
           g.error_detail, g.created_at, g.finished_at, f.rating, f.comment, f.updated_at AS rated_at
    FROM chat.generation g LEFT JOIN chat.feedback f ON f.generation_id = g.id
    WHERE g.turn_id = %(turn_id)s ORDER BY g.version
    """,
    turn_id=UUID,
)

# Renews the lease of a live answer, and keeps everybody else from writing to it until the transaction ends.
hold = Query[None](
    None,
    """
    UPDATE chat.generation SET state = 'STREAMING', lease_until = now() + interval '30 seconds'
    WHERE id = %(id)s AND state IN ('PENDING', 'STREAMING')
    """,
    id=UUID,
)

add_event = Query[None](
    None,
    """
    INSERT INTO chat.generation_event (generation_id, number, kind, data)
    VALUES (%(generation_id)s, %(number)s, %(kind)s, %(data)s)
    ON CONFLICT (generation_id, number) DO NOTHING
    """,
    generation_id=UUID,
    number=int,
    kind=str,
    data=Jsonb,
)

# Ends a live answer with what was streamed of it; to be run while it is held.
end = Query(
    str,
    """
    UPDATE chat.generation g SET
      state = %(state)s,
      error_status = %(error_status)s,
      error_code = %(error_code)s,
      error_detail = %(error_detail)s,
      content = coalesce((SELECT string_agg(e.data ->> 'text', '' ORDER BY e.number) FROM chat.generation_event e
                          WHERE e.generation_id = g.id AND e.kind = 'delta'), ''),
      sources = coalesce((SELECT e.data -> 'sources' FROM chat.generation_event e
                          WHERE e.generation_id = g.id AND e.kind = 'sources'), '[]'),
      meta = coalesce((SELECT e.data FROM chat.generation_event e
                       WHERE e.generation_id = g.id AND e.kind = 'meta'), '{}') || %(meta)s,
      finished_at = now()
    WHERE g.id = %(id)s AND g.state IN ('PENDING', 'STREAMING')
    RETURNING g.content
    """,
    id=UUID,
    state=str,
    error_status=int | None,
    error_code=str | None,
    error_detail=str | None,
    meta=Jsonb,
)

find_progress = Query(
    ProgressRow,
    """
    SELECT state, state IN ('PENDING', 'STREAMING') AND lease_until < now() AS lost,
           created_at < now() - interval '1 day' AS forgotten, meta, error_status, error_code, error_detail
    FROM chat.generation WHERE id = %(id)s
    """,
    id=UUID,
)

list_events = Query(
    EventRow,
    """
    SELECT number, kind, data FROM chat.generation_event
    WHERE generation_id = %(generation_id)s AND number > %(after)s ORDER BY number
    """,
    generation_id=UUID,
    after=int,
)

put_feedback = Query[None](
    None,
    """
    INSERT INTO chat.feedback (generation_id, rating, comment) VALUES (%(generation_id)s, %(rating)s, %(comment)s)
    ON CONFLICT (generation_id) DO UPDATE SET rating = excluded.rating, comment = excluded.comment, updated_at = now()
    """,
    generation_id=UUID,
    rating=str,
    comment=str | None,
)

delete_feedback = Query[None](
    None, "DELETE FROM chat.feedback WHERE generation_id = %(generation_id)s", generation_id=UUID
)

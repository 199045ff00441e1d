"""Answers whose process is gone: their lease has run out, and whoever notices first says so."""

from uuid import UUID

from shared.db import Query

# Ends, as failed, every live answer whose lease has run out (of one turn, or of all); what was streamed of it is kept.
fail_lost = Query[None](
    None,
    """
    UPDATE chat.generation g SET
      state = 'FAILED',
      error_status = 503,
      error_code = 'chat.interrupted',
      error_detail = '답변이 중간에 끊겼습니다. 다시 시도해 주세요.',
      content = coalesce((SELECT string_agg(e.data ->> 'text', '' ORDER BY e.number) FROM chat.generation_event e
                          WHERE e.generation_id = g.id AND e.kind = 'delta'), ''),
      sources = coalesce((SELECT e.data -> 'sources' FROM chat.generation_event e
                          WHERE e.generation_id = g.id AND e.kind = 'sources'), '[]'),
      meta = coalesce((SELECT e.data FROM chat.generation_event e
                       WHERE e.generation_id = g.id AND e.kind = 'meta'), '{}'),
      finished_at = now()
    WHERE g.state IN ('PENDING', 'STREAMING') AND g.lease_until < now()
      AND (%(turn_id)s::uuid IS NULL OR g.turn_id = %(turn_id)s::uuid)
    """,
    turn_id=UUID | None,
)

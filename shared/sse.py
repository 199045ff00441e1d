"""Server-sent events: JSON data, ids to resume from, and a heartbeat while nothing happens."""

import asyncio
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.sse import KEEPALIVE_COMMENT, EventSourceResponse, format_sse_event

from shared.errors import Problem
from shared.middleware import internal_error, unforeseen

HEARTBEAT_SECONDS = 15.0

# JSON may hold these as they are, but many a client takes them for the end of a line.
_LINE_ENDS = str.maketrans({"\u2028": "\\u2028", "\u2029": "\\u2029", "\x85": "\\u0085"})


@dataclass(frozen=True, slots=True)
class Sse:
    """One event of a stream."""

    event: str
    data: Mapping[str, Any]
    id: str | None = None

    def encode(self) -> bytes:
        """The event on the wire (HTML standard, server-sent events)."""
        data = json.dumps(self.data, ensure_ascii=False).translate(_LINE_ENDS)
        return format_sse_event(event=self.event, data_str=data, id=self.id)


def event_stream(events: AsyncIterator[Sse]) -> EventSourceResponse:
    """The answer that streams `events`; a problem raised among them, foreseen or not, becomes a last `error` event."""
    headers = {"Cache-Control": "no-cache", "X-Accel-Buffering": "no"}
    return EventSourceResponse(_with_heartbeat(_with_error(events)), headers=headers)


async def _with_error(events: AsyncIterator[Sse]) -> AsyncIterator[bytes]:
    try:
        async for event in events:
            yield event.encode()
    except Problem as problem:
        yield Sse("error", problem.body()).encode()
    except Exception:  # noqa: BLE001 - the edge of a stream, which has to end with an event
        unforeseen.exception("unforeseen error in a stream")
        yield Sse("error", internal_error().body()).encode()


async def _with_heartbeat(parts: AsyncIterator[bytes]) -> AsyncIterator[bytes]:
    """Passes parts on, with a comment whenever none came for a while, so that no proxy takes the silence for an end."""
    waiting: asyncio.Future[bytes] | None = None
    try:
        while True:
            waiting = waiting or asyncio.ensure_future(anext(parts))
            done, _ = await asyncio.wait({waiting}, timeout=HEARTBEAT_SECONDS)
            if not done:
                yield KEEPALIVE_COMMENT
                continue
            finished, waiting = waiting, None
            yield finished.result()
    except StopAsyncIteration:
        return
    finally:
        if waiting is not None:
            waiting.cancel()

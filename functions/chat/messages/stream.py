"""An answer as server-sent events: from memory where it is generated in this process, from the database otherwise."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass
from uuid import UUID

from functions.chat.messages import queries
from functions.chat.messages.live import Lives
from functions.chat.messages.queries import EventRow, ProgressRow
from functions.chat.messages.service import Begun, failure
from functions.chat.states import GenerationState
from shared.db import Database
from shared.errors import Problem, malformed
from shared.sse import Sse

POLL_SECONDS = 0.3


@dataclass(frozen=True, slots=True)
class Place:
    """What a client has already: everything up to an event of an answer. Its form on the wire is the event's id."""

    generation_id: UUID
    number: int

    def __str__(self) -> str:
        return f"{self.generation_id}:{self.number}"

    @classmethod
    def parse(cls, text: str) -> "Place":
        """The place in a Last-Event-ID. Raises a 400 problem when it is not one of ours."""
        generation_id, _, number = text.partition(":")
        try:
            if not (number.isascii() and number.isdecimal() and len(number) < 10):
                raise ValueError("not a number")
            return cls(UUID(generation_id), int(number))
        except ValueError as error:
            raise malformed(
                "stream.event_id_invalid", "Last-Event-ID를 알 수 없습니다. 처음부터 다시 받아 주세요."
            ) from error


async def follow(database: Database, lives: Lives, begun: Begun, after: int | None = None) -> AsyncIterator[Sse]:
    """The events of an answer, from the beginning or after one of them, until its end: `done`, `stopped` or `error`.

    Raises a 410 problem when the answer is so old that its events are gone, and a 503 one without the database.
    """
    generation_id = begun.generation.id
    number = after or 0
    if after is None:
        yield Sse("turn", _turn(begun), str(Place(generation_id, 0)))
    if live := lives.get(generation_id):
        async for event in live.after(number):
            number = event.number
            yield _sse(generation_id, event)
    while True:
        progress, events = await _stored(database, begun, number)
        for event in events:
            number = event.number
            yield _sse(generation_id, event)
        if progress.state not in (GenerationState.PENDING, GenerationState.STREAMING):
            yield _last(progress, str(Place(generation_id, number + 1)))
            return
        await asyncio.sleep(POLL_SECONDS)


async def _stored(database: Database, begun: Begun, after: int) -> tuple[ProgressRow, list[EventRow]]:
    """How the answer stands, then its new events: in this order, so that an answer that has ended has all of them."""
    generation_id = begun.generation.id
    async with database.transaction() as session:
        progress = await session.one(queries.find_progress, id=generation_id)
        if progress.forgotten:
            raise _forgotten()
        if progress.lost:
            await session.run(queries.fail_lost, turn_id=begun.turn.id)
            progress = await session.one(queries.find_progress, id=generation_id)
        return progress, await session.all(queries.list_events, generation_id=generation_id, after=after)


def _turn(begun: Begun) -> dict[str, object]:
    return {
        "turn_id": str(begun.turn.id),
        "generation_id": str(begun.generation.id),
        "version": begun.generation.version,
        "session_id": str(begun.turn.session_id),
        "section_id": str(begun.turn.section_id),
    }


def _sse(generation_id: UUID, event: EventRow) -> Sse:
    return Sse(event.kind, event.data, str(Place(generation_id, event.number)))


def _last(progress: ProgressRow, place: str) -> Sse:
    if progress.state == GenerationState.FAILED:
        problem = failure(progress.error_status, progress.error_code, progress.error_detail)
        return Sse("error", problem.body(), place)
    if progress.state == GenerationState.STOPPED:
        return Sse("stopped", {"state": progress.state}, place)
    told = {name: progress.meta.get(name) for name in ("finish_reason", "grounded", "cited")}
    return Sse("done", {"state": progress.state, **told}, place)


def _forgotten() -> Problem:
    return Problem(410, "stream.forgotten", "오래된 답변은 이어 받을 수 없습니다. 대화를 새로 고쳐 주세요.")

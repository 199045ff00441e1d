"""The task that generates an answer: it belongs to the process, not to the request that asked, and ends exactly once."""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from typing import Any
from uuid import UUID

from functions.chat.messages import queries
from functions.chat.messages.live import Live, Lives
from functions.chat.messages.queries import EventRow
from functions.chat.messages.service import Job
from functions.chat.states import GenerationState
from functions.chat.turns import Source
from shared.context import Context
from shared.db import Session
from shared.errors import Problem, unavailable
from shared.llm import LlmHost, llm_unavailable

log = logging.getLogger(__name__)

TURN_COMPLETED = "baeum.chat.turn.completed"
STORE_SECONDS = 0.25  # between two writes of what has been streamed
QUIET_SECONDS = 2.0  # between two writes while nothing is: the lease, and a look at whether somebody stopped it
LIMIT_SECONDS = 180.0


class TakenAway(Exception):  # noqa: N818 - it is what happened
    """The answer was ended by somebody else: stopped from another process, or given up for lost."""


@dataclass(frozen=True, slots=True)
class Ending:
    """How an answer ends."""

    state: GenerationState
    meta: Mapping[str, Any] = field(default_factory=dict)
    problem: Problem | None = None


def start(context: Context, lives: Lives, job: Job) -> None:
    """Begins to generate; what comes of it is to be followed in `lives` and in the database."""
    lives[job.generation_id] = Live()
    context.spawn(_generate(context, lives, job))


async def stop(context: Context, lives: Lives, generation_id: UUID) -> None:
    """Ends an answer that is still being generated, here or in another process, with what has been streamed of it."""
    if live := lives.get(generation_id):
        await live.stop()
    async with context.database.transaction() as session:
        if await session.run(queries.hold, id=generation_id):
            await _end(session, generation_id, Ending(GenerationState.STOPPED))


async def _generate(context: Context, lives: Lives, job: Job) -> None:
    live = lives[job.generation_id]
    try:
        ending = await _ending(context, live, job)
        await asyncio.shield(_finish(context, live, job, ending))
    except TakenAway:
        log.info("an answer was ended elsewhere", extra={"generation_id": str(job.generation_id)})
    except asyncio.CancelledError:
        problem = unavailable("chat.interrupted", "답변이 중간에 끊겼습니다. 다시 시도해 주세요.")
        with suppress(TakenAway):
            await asyncio.shield(_finish(context, live, job, Ending(GenerationState.FAILED, problem=problem)))
        raise
    finally:
        del lives[job.generation_id]
        live.end()


async def _ending(context: Context, live: Live, job: Job) -> Ending:
    try:
        async with asyncio.timeout(LIMIT_SECONDS):
            closing = await _stream(context, live, job)
    except TakenAway:
        raise
    except TimeoutError:
        problem = Problem(504, "chat.timeout", "답변을 만드는 데 너무 오래 걸려 중단했습니다. 다시 시도해 주세요.")
    except Problem as reported:
        problem = _for_the_person(reported)
    except Exception:  # the edge of the task: an answer must not stay live because of a fault of ours
        log.exception("generating an answer failed", extra={"generation_id": str(job.generation_id)})
        problem = Problem(500, "internal", "예상하지 못한 오류가 발생했습니다. 잠시 후 다시 시도해 주세요.")
    else:
        return Ending(GenerationState.STOPPED) if closing is None else Ending(GenerationState.DONE, closing)
    return Ending(GenerationState.FAILED, problem=problem)


async def _stream(context: Context, live: Live, job: Job) -> Mapping[str, Any] | None:
    """Reads the host's answer and stores it as it comes: the host's closing words, or None when the person stopped it."""
    reading = asyncio.create_task(_read(context, live, job))
    stopping = asyncio.create_task(live.stopping.wait())
    try:
        quiet = 0.0
        while not reading.done() and not stopping.done():
            await asyncio.wait({reading, stopping}, timeout=STORE_SECONDS, return_when=asyncio.FIRST_COMPLETED)
            quiet += STORE_SECONDS
            if live.stored < len(live.events) or quiet >= QUIET_SECONDS:
                await _store(context, live, job.generation_id)
                quiet = 0.0
        return reading.result() if reading.done() else None
    finally:
        reading.cancel()
        stopping.cancel()
        await asyncio.gather(reading, stopping, return_exceptions=True)
        live.cut()


async def _read(context: Context, live: Live, job: Job) -> Mapping[str, Any]:
    closing: Mapping[str, Any] = {}
    async for part in context.client(LlmHost).answer(_question(job)):
        match part.kind:
            case "delta":
                live.add_text(str(part.data["text"]).replace("\0", ""))  # PostgreSQL's JSON cannot hold NUL
            case "sources":
                passages = [Source.model_validate(passage) for passage in part.data["passages"]]
                live.add("sources", {"sources": [passage.model_dump(mode="json") for passage in passages]})
            case "done":
                closing = part.data
            case _:
                live.add(part.kind, part.data)
    return closing


async def _store(context: Context, live: Live, generation_id: UUID) -> None:
    fresh = live.events[live.stored :]
    async with context.database.transaction() as session:
        await _write(session, generation_id, fresh)
    live.stored += len(fresh)


async def _finish(context: Context, live: Live, job: Job, ending: Ending) -> None:
    measured = {"first_token_ms": live.first_text_ms, "total_ms": live.elapsed_ms()}
    ending = Ending(ending.state, {**ending.meta, **measured}, ending.problem)
    async with context.database.transaction() as session:
        await _write(session, job.generation_id, live.events[live.stored :])
        answer = await _end(session, job.generation_id, ending)
        if ending.state == GenerationState.DONE:
            await context.outbox.add(session, TURN_COMPLETED, job.turn.id, _completed(job, answer))


async def _write(session: Session, generation_id: UUID, events: Sequence[EventRow]) -> None:
    """Writes events of an answer that is still live, and renews its lease. Raises TakenAway when it is not."""
    if not await session.run(queries.hold, id=generation_id):
        raise TakenAway
    if events:
        rows = [{"generation_id": generation_id, **asdict(event)} for event in events]
        await session.run_many(queries.add_event, rows)


async def _end(session: Session, generation_id: UUID, ending: Ending) -> str:
    problem = ending.problem
    return await session.one(
        queries.end,
        id=generation_id,
        state=ending.state,
        error_status=problem.status if problem else None,
        error_code=problem.code if problem else None,
        error_detail=problem.detail if problem else None,
        meta=dict(ending.meta),
    )


def _question(job: Job) -> dict[str, Any]:
    return {
        "question": job.turn.question,
        "history": [asdict(exchange) for exchange in job.history],
        "department": job.department,
        "domains": job.turn.domains,
    }


def _completed(job: Job, answer: str) -> dict[str, Any]:
    turn = job.turn
    return {
        "session_id": str(turn.session_id),
        "turn_id": str(turn.id),
        "number": turn.number,
        "question": turn.question,
        "answer": answer,
    }


def _for_the_person(problem: Problem) -> Problem:
    """What the host answers to us is not always meant for the person: a refused token is no reason to log in again."""
    if problem.status in (413, 422, 429) or problem.status >= 500:
        return problem
    log.error("the llm host refused a question", extra={"status": problem.status, "code": problem.code})
    return llm_unavailable()

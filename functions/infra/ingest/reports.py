"""What the LLM host reports about a version. Everything is bound to an attempt: a late report of an older one changes nothing.

A report is also proof that the host has taken its attempt, whether or not we lived to note its answer.
"""

import logging
from dataclasses import dataclass
from uuid import UUID

from functions.infra.ingest import queries
from functions.infra.ingest.objects import record
from functions.infra.ingest.schemas import Chunked, Failed, Indexed, Progressed
from functions.infra.states import Action, ProcessingState
from shared.context import Context
from shared.db import Session
from shared.errors import conflict
from shared.events import CloudEvent
from shared.storage import Storage

log = logging.getLogger(__name__)

WITHDRAWN = "baeum.infra.document.withdrawn"
MAX_RETRIES = 2  # of the platform's own accord, after the first try


@dataclass(frozen=True, slots=True)
class Failure:
    """Why an attempt has ended; `reason` is for a person. A retryable one is tried again a little later."""

    attempt: int
    code: str
    reason: str
    retryable: bool


async def progressed(context: Context, event: CloudEvent, version_id: UUID, report: Progressed) -> None:
    """Notes how far the processing is; it never goes backwards."""
    async with context.database.transaction() as session:
        if not await context.outbox.first_time(session, event):
            return
        await session.first(queries.accept, id=version_id, attempt=report.attempt)
        changed = await session.run(
            queries.progress,
            id=version_id,
            attempt=report.attempt,
            stage=report.stage,
            progress=report.progress,
        )
        _say_if_late(changed > 0, event, report.attempt)


async def chunked(context: Context, event: CloudEvent, version_id: UUID, report: Chunked) -> None:
    """Stores chunks by position. The first ones of a new attempt replace all of the older ones."""
    async with context.database.transaction() as session:
        if not await context.outbox.first_time(session, event):
            return
        await session.first(queries.accept, id=version_id, attempt=report.attempt)
        held = await session.first(queries.hold_processing, id=version_id, attempt=report.attempt)
        _say_if_late(held is not None, event, report.attempt)
        if held is not None:
            await session.run(queries.drop_older_chunks, version_id=version_id, attempt=report.attempt)
            chunks = [chunk.model_dump() for chunk in report.chunks]
            await session.run(queries.put_chunks, version_id=version_id, attempt=report.attempt, chunks=chunks)


async def indexed(context: Context, event: CloudEvent, version_id: UUID, report: Indexed) -> None:
    """PROCESSING becomes READY, and READY means that every chunk is here.

    Raises a 409 problem while chunks are still on their way: the Broker delivers the report again after them.
    """
    async with context.database.transaction() as session:
        if not await context.outbox.first_time(session, event):
            return
        await session.first(queries.accept, id=version_id, attempt=report.attempt)
        held = await session.first(queries.hold_processing, id=version_id, attempt=report.attempt)
        _say_if_late(held is not None, event, report.attempt)
        if held is None:
            return
        if await session.one(queries.count_chunks, version_id=version_id, attempt=report.attempt) < report.chunks:
            raise conflict("document.chunks_missing", "문서의 조각이 아직 모두 도착하지 않았습니다.")
        await session.run(queries.drop_older_chunks, version_id=version_id, attempt=report.attempt)
        await session.run(queries.finish, id=version_id, **report.model_dump())
        await record(session, version_id, Action.READY)


async def failed(context: Context, event: CloudEvent, version_id: UUID, report: Failed) -> None:
    """PROCESSING becomes UPLOADED, to be tried again a little later, or FAILED when that would not help any more."""
    async with context.database.transaction() as session:
        if not await context.outbox.first_time(session, event):
            return
        await session.first(queries.accept, id=version_id, attempt=report.attempt)
        failure = Failure(report.attempt, report.code, report.reason, report.retryable)
        await end_attempt(session, version_id, ProcessingState.PROCESSING, failure)


async def end_attempt(session: Session, version_id: UUID, state: ProcessingState, failure: Failure) -> None:
    """Ends an attempt of a version in `state`; anything else stays as it is."""
    of_attempt = {"id": version_id, "attempt": failure.attempt, "state": state}
    again = None
    if failure.retryable:
        again = await session.first(queries.try_again, **of_attempt, most=MAX_RETRIES)
    if again is not None:
        await record(session, version_id, Action.RETRIED, failure.reason)
    elif await session.first(queries.fail, **of_attempt, code=failure.code, reason=failure.reason):
        await record(session, version_id, Action.FAILED, failure.reason)


async def activated(context: Context, version_id: UUID) -> None:
    """An approved version can be found from now on; the one that it replaces cannot, and its vectors may go."""
    async with context.database.transaction() as session:
        await session.first(queries.lock_document_of, version_id=version_id)
        document_id = await session.first(queries.make_searchable, id=version_id)
        if document_id is None:
            return
        await record(session, version_id, Action.SEARCHABLE)
        for replaced in await session.all(queries.withdraw_replaced, document_id=document_id):
            await context.outbox.add(session, WITHDRAWN, replaced, {"version_id": str(replaced)})


async def removed(context: Context, version_id: UUID) -> None:
    """The host holds no vector any more. What was deleted loses its file and chunks; what was archived keeps them."""
    async with context.database.transaction() as session:
        key = await session.first(queries.find_key_to_remove, id=version_id)
    if key is not None:
        await context.client(Storage).delete(key)
    async with context.database.transaction() as session:
        await session.run(queries.note_vectors_gone, id=version_id)
        if await session.first(queries.mark_removed, id=version_id):
            await session.run(queries.drop_chunks, version_id=version_id)
            await record(session, version_id, Action.REMOVED)


def _say_if_late(in_time: bool, event: CloudEvent, attempt: int) -> None:
    if not in_time:
        log.info(
            "a report too late to matter", extra={"type": event.type, "version": event.subject, "attempt": attempt}
        )

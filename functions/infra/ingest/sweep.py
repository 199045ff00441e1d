"""Every minute: picks up what was left behind by a crash, an outage, a lost event, or a person who never uploaded.

What is down is left alone until the next minute; a batch is bounded, the oldest first.
"""

import logging
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta
from typing import TypeVar
from uuid import UUID

from functions.infra.ingest import queries, reports, service
from functions.infra.ingest.objects import mark_uploaded, record
from functions.infra.ingest.queries import AwaitedRow, JobRow
from functions.infra.ingest.reports import Failure
from functions.infra.states import Action, ProcessingState
from shared.context import Context
from shared.errors import Problem
from shared.storage import Storage

log = logging.getLogger(__name__)

BATCH = 20
SETTLES_WITHIN = timedelta(minutes=1)
SPEAKS_WITHIN = timedelta(minutes=10)
UPLOADED_WITHIN = timedelta(hours=24)

_TIMEOUT_CODE = "document.processing_timeout"
_TIMEOUT = "문서 처리가 시간 안에 끝나지 않았습니다. 다시 처리를 요청하거나 문서를 나누어 올려 주세요."

Item = TypeVar("Item")


async def sweep(context: Context, now: datetime) -> None:
    """Looks after every row that has waited too long at the moment `now`."""
    bounds = {"take": BATCH}
    async with context.database.transaction() as session:
        awaited = await session.all(queries.list_never_uploaded, before=now - UPLOADED_WITHIN, **bounds)
        silent = await session.all(queries.list_silent, before=now - SPEAKS_WITHIN, **bounds)
        unsettled = await session.all(queries.take_unsettled, before=now - SETTLES_WITHIN, **bounds)
    await _each(context, awaited, _expire)
    await _each(context, silent, _question)
    await _each(context, unsettled, _settle)


async def _each(
    context: Context, items: Sequence[Item], look_after: Callable[[Context, Item], Awaitable[None]]
) -> None:
    for item in items:
        try:
            await look_after(context, item)
        except Problem as problem:
            log.warning("left for the next minute", extra={"item": repr(item), "code": problem.code})
            if problem.status == 503:
                return


async def _settle(context: Context, version_id: UUID) -> None:
    await service.settle(context, version_id)


async def _expire(context: Context, version: AwaitedRow) -> None:
    """A last look: the file may have come while its notice got lost."""
    head = await context.client(Storage).head(version.object_key)
    async with context.database.transaction() as session:
        if head is not None and head.size == version.size:
            await mark_uploaded(session, context.outbox, version.id)
        elif await session.first(queries.expire, id=version.id):
            await record(session, version.id, Action.EXPIRED)


async def _question(context: Context, version: JobRow) -> None:
    """Asks the host about a silent attempt: it goes on while it waits for its turn or moves, and is tried again if not."""
    job = await service.give(context, version, version.attempt)
    moves = job.state == "RUNNING" and (job.stage, job.progress) != (version.stage, version.progress)
    of_attempt = {"id": version.id, "attempt": version.attempt}
    async with context.database.transaction() as session:
        if job.kind == "process" and (moves or job.state == "QUEUED"):
            await session.run(queries.progress, **of_attempt, stage=job.stage, progress=job.progress)
        else:
            failure = Failure(version.attempt, _TIMEOUT_CODE, _TIMEOUT, retryable=True)
            await reports.end_attempt(session, version.id, ProcessingState.PROCESSING, failure)

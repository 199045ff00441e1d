"""Brings the LLM host to where the rows want it, and keeps at it.

A row says by its states what it wants (process, activate, remove). An event only says which row to look at, so it may come
twice, late or never: every minute the sweep looks at the rows that still want something.
"""

import logging
from uuid import UUID

from functions.infra.ingest import queries, reports
from functions.infra.ingest.queries import JobRow, UnsettledRow
from functions.infra.ingest.reports import Failure
from functions.infra.ingest.schemas import Job, read
from functions.infra.states import ProcessingState
from shared.context import Context
from shared.errors import Problem
from shared.llm import LlmHost
from shared.storage import Storage

log = logging.getLogger(__name__)

_REFUSALS = (400, 413, 415, 422)  # answers to a job that will be the same the next time
_LOST_ITS_VECTORS = ("document.not_indexed", "document.not_found")


async def settle(context: Context, version_id: UUID) -> None:
    """Asks of the host what the version's row wants, if it wants anything.

    Raises a 503 problem when the host is down: the row goes on wanting it.
    """
    async with context.database.transaction() as session:
        version = await session.first(queries.find_unsettled, id=version_id)
    if version is not None:
        await _STEPS[version.step](context, version)


async def give(context: Context, version: JobRow, attempt: int) -> Job:
    """Gives the host a version to process; the same attempt again only answers how its job stands."""
    url = await context.client(Storage).presign_get(version.object_key, version.object_version)
    job = {
        "document_id": str(version.document_id),
        "attempt": attempt,
        "title": version.title,
        "number": version.number,
        "domain": version.domain,
        "departments": version.departments,
        "filename": version.filename,
        "content_type": version.content_type,
        "size": version.size,
        "sha256": version.sha256,
        "url": url,
    }
    return read(Job, await context.client(LlmHost).process_document(version.id, job))


async def _process(context: Context, version: UnsettledRow) -> None:
    """The row stays UPLOADED until the host has the job: a crash in between gives it the same attempt again."""
    attempt = version.attempt + 1
    try:
        await give(context, version, attempt)
    except Problem as problem:
        if problem.status not in _REFUSALS:
            raise
        failure = Failure(version.attempt, problem.code, problem.detail, retryable=False)
        await _end_attempt(context, version, ProcessingState.UPLOADED, failure)
        return
    async with context.database.transaction() as session:
        accepted = await session.first(queries.accept, id=version.id, attempt=attempt)
        state = await session.one(queries.find_state, id=version.id)
    if accepted is None and state in (ProcessingState.REMOVING, ProcessingState.REMOVED):
        await context.client(LlmHost).remove_document(version.id)  # deleted while the host was being asked


async def _activate(context: Context, version: UnsettledRow) -> None:
    try:
        job = read(Job, await context.client(LlmHost).activate_document(version.id))
    except Problem as problem:
        if problem.code not in _LOST_ITS_VECTORS:
            raise
        log.warning("the host has lost a document and gets it again", extra={"version_id": version.id})
        failure = Failure(version.attempt, problem.code, problem.detail, retryable=True)
        await _end_attempt(context, version, ProcessingState.READY, failure)
        return
    if job.kind == "activate" and job.state == "DONE":  # long ago: its report may be lost
        await reports.activated(context, version.id)


async def _remove(context: Context, version: UnsettledRow) -> None:
    job = read(Job, await context.client(LlmHost).remove_document(version.id))
    if job.kind == "remove" and job.state == "DONE":  # long ago: its report may be lost
        await reports.removed(context, version.id)


async def _end_attempt(context: Context, version: UnsettledRow, state: ProcessingState, failure: Failure) -> None:
    async with context.database.transaction() as session:
        await reports.end_attempt(session, version.id, state, failure)


_STEPS = {"PROCESS": _process, "ACTIVATE": _activate, "REMOVE": _remove}

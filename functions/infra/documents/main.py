"""`/api/infra/documents`: the documents that answers are drawn from."""

from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Path, Query, Response

from functions.infra.documents import reading, reviews, service, uploads
from functions.infra.documents.schemas import (
    Chunk,
    Completion,
    Document,
    Download,
    ListedDocument,
    NewDocument,
    NewVersion,
    Registered,
    Rejection,
    Upload,
    Version,
    VersionDetail,
)
from functions.infra.states import Domain, ProcessingState, ReviewState
from shared.auth import Employee, Principal, Role, allow
from shared.context import Ctx
from shared.db import Tx
from shared.function import create_api, http_target
from shared.idempotency import Idempotent
from shared.pages import DEFAULT_LIMIT, MAX_LIMIT, Page, Paging
from shared.texts import Line

router = APIRouter()

Manager = Annotated[Principal, allow(Role.SYSTEM_ADMIN, Role.VIDEO_CREATOR)]
Reviewer = Annotated[Principal, allow(Role.CONTENTS_REVIEWER, Role.SYSTEM_ADMIN)]
Staff = Annotated[Principal, allow(*reading.STAFF)]
Number = Annotated[int, Path(ge=1, le=1_000_000)]

VERSION = "/{document_id}/versions/{number}"


@router.post("", status_code=201, response_model=Registered)
async def register(body: NewDocument, me: Manager, once: Idempotent, context: Ctx) -> Response:
    """Registers a document with its first version, and answers where to upload its file."""
    async with context.database.transaction() as session:
        answer = await once.answer(session, me, lambda: service.register(session, me, body))
    return await uploads.with_upload(context, answer)


@router.post("/{document_id}/versions", status_code=201, response_model=Registered)
async def add_version(document_id: UUID, body: NewVersion, me: Manager, once: Idempotent, context: Ctx) -> Response:
    """Registers the next version of a document, and answers where to upload its file."""
    async with context.database.transaction() as session:
        answer = await once.answer(session, me, lambda: service.add_version(session, me, document_id, body))
    return await uploads.with_upload(context, answer)


@router.post(VERSION + "/upload")
async def upload(document_id: UUID, number: Number, me: Manager, context: Ctx) -> Upload:
    """Fresh URLs for a version whose file has not been uploaded yet."""
    return await uploads.upload(context, await _version_id(context, me, document_id, number))


@router.post(VERSION + "/complete")
async def complete(
    document_id: UUID, number: Number, me: Manager, context: Ctx, body: Completion | None = None
) -> Version:
    """Says that the file has been uploaded."""
    version_id = await _version_id(context, me, document_id, number)
    return await uploads.complete(context, me, version_id, body.parts if body else [])


@router.get("")
async def list_documents(
    me: Staff,
    session: Tx,
    paging: Paging,
    domain: Domain | None = None,
    processing_state: ProcessingState | None = None,
    review_state: ReviewState | None = None,
    search: Annotated[Line | None, Query(max_length=200)] = None,
    mine: bool = False,
) -> Page[ListedDocument]:
    """Documents with a version that matches, newest first; `mine` narrows to versions that the caller has registered."""
    filters = reading.Filters(domain, processing_state, review_state, search, me.id if mine else None)
    return await reading.list_documents(session, filters, paging)


@router.get("/{document_id}")
async def get_document(document_id: UUID, me: Employee, session: Tx) -> Document:
    """A document with its versions."""
    return await reading.document(session, me, document_id)


@router.get(VERSION)
async def get_version(document_id: UUID, number: Number, me: Employee, session: Tx) -> VersionDetail:
    """A version: where it stands, why it failed, what it holds, what happened to it."""
    return await reading.version_detail(session, me, document_id, number)


@router.get(VERSION + "/chunks")
async def get_chunks(
    document_id: UUID,
    number: Number,
    me: Employee,
    session: Tx,
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT,
    cursor: Annotated[int, Query(ge=-1, le=2**31 - 1)] = -1,
) -> Page[Chunk]:
    """The passages that a version was cut into, in order; the cursor is the position after which they start."""
    version = await reading.find_version(session, me, document_id, number)
    return await reading.chunks(session, version.id, cursor, limit)


@router.get(VERSION + "/file")
async def get_file(document_id: UUID, number: Number, me: Employee, context: Ctx) -> Download:
    """Where the file of a version can be read for a while."""
    return await uploads.download(context, await _version_id(context, me, document_id, number))


@router.post(VERSION + "/reprocess")
async def reprocess(document_id: UUID, number: Number, me: Manager, session: Tx, context: Ctx) -> Version:
    """Has a version processed again."""
    return await service.reprocess(session, context.outbox, me, document_id, number)


@router.post(VERSION + "/submit")
async def submit(document_id: UUID, number: Number, me: Manager, session: Tx) -> Version:
    """Asks for a review."""
    return await reviews.submit(session, me, document_id, number)


@router.post(VERSION + "/approve")
async def approve(document_id: UUID, number: Number, me: Reviewer, session: Tx, context: Ctx) -> Version:
    """Approves a version, in place of the one that was approved until now."""
    return await reviews.approve(session, context.outbox, me, document_id, number)


@router.post(VERSION + "/reject")
async def reject(document_id: UUID, number: Number, body: Rejection, me: Reviewer, session: Tx) -> Version:
    """Gives a version back with a reason."""
    return await reviews.reject(session, me, document_id, number, body.reason)


@router.post(VERSION + "/archive")
async def archive(document_id: UUID, number: Number, me: Manager, session: Tx, context: Ctx) -> Version:
    """Takes an approved version out of the search."""
    return await service.archive(session, context.outbox, me, document_id, number)


@router.delete("/{document_id}", status_code=204)
async def delete(document_id: UUID, me: Manager, session: Tx, context: Ctx) -> None:
    """Deletes a document with all its versions."""
    await service.delete(session, context.outbox, me, document_id)


async def _version_id(context: Ctx, me: Principal, document_id: UUID, number: int) -> UUID:
    async with context.database.transaction() as session:
        return (await reading.find_version(session, me, document_id, number)).id


api = create_api("infra-documents", router)
http = http_target(api)

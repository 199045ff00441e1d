"""What people do with documents: register, process again, archive, delete. What they decide about them is in `reviews`."""

from typing import Any
from uuid import UUID

from functions.infra.documents import queries
from functions.infra.documents.files import check_size, check_type
from functions.infra.documents.queries import VersionRow
from functions.infra.documents.reading import document_not_found, find_version
from functions.infra.documents.schemas import File, NewDocument, NewVersion, Registered, Version
from functions.infra.states import Action
from shared.auth import Principal
from shared.db import Session
from shared.errors import Problem, conflict
from shared.ids import uuid7
from shared.outbox import Outbox

UPLOADED = "baeum.infra.document.uploaded"
APPROVED = "baeum.infra.document.approved"
WITHDRAWN = "baeum.infra.document.withdrawn"


async def register(session: Session, me: Principal, new: NewDocument) -> Registered:
    """Registers a document with its first version. Raises 413, 415 and 422 problems for files we do not take."""
    document_id, version_id = uuid7(), uuid7()
    values = _file_values(new, document_id, version_id)
    await session.run(queries.add_document, id=document_id, owner=me.id)
    described = {"title": new.title, "domain": new.domain, "departments": new.departments}
    await session.run(
        queries.add_first_version, **values, **described, change_summary=new.change_summary, created_by=me.id
    )
    return await _registered(session, me, version_id)


async def add_version(session: Session, me: Principal, document_id: UUID, new: NewVersion) -> Registered:
    """Registers the next version of a document. Raises the problems of `register`, and 404 for an unknown document."""
    version_id = uuid7()
    values = _file_values(new, document_id, version_id)
    await lock(session, document_id)
    described = {"title": new.title, "domain": new.domain, "departments": new.departments}
    await session.run(
        queries.add_next_version, **values, **described, change_summary=new.change_summary, created_by=me.id
    )
    return await _registered(session, me, version_id)


async def reprocess(session: Session, outbox: Outbox, me: Principal, document_id: UUID, number: int) -> Version:
    """Has a version processed again. Raises a 409 problem unless it is READY or FAILED, and not archived."""
    changed = await session.first(queries.reprocess, document_id=document_id, number=number)
    if changed is None:
        await find_version(session, me, document_id, number)
        raise conflict(
            "document.not_reprocessable", "처리가 끝났거나 실패한, 보관되지 않은 문서만 다시 처리할 수 있습니다."
        )
    await record(session, changed, Action.REPROCESSED, me)
    await outbox.add(session, UPLOADED, changed, {"version_id": str(changed)})
    return await version(session, changed)


async def archive(session: Session, outbox: Outbox, me: Principal, document_id: UUID, number: int) -> Version:
    """Takes an approved version, and any that it replaced, out of the search. Raises a 409 problem unless it is approved."""
    await lock(session, document_id)
    changed = await session.first(queries.archive, document_id=document_id, number=number)
    if changed is None:
        raise _not_archivable(await find_version(session, me, document_id, number))
    replaced = await session.all(queries.withdraw_replaced, document_id=document_id)
    await record(session, changed, Action.ARCHIVED, me)
    for withdrawn in [changed, *replaced]:
        await outbox.add(session, WITHDRAWN, withdrawn, {"version_id": str(withdrawn)})
    return await version(session, changed)


async def delete(session: Session, outbox: Outbox, me: Principal, document_id: UUID) -> None:
    """Deletes a document for everybody; its files and vectors follow. Raises a 404 problem when it is not there."""
    if await session.first(queries.delete_document, id=document_id) is None:
        raise document_not_found()
    for removed in await session.all(queries.remove_versions, document_id=document_id):
        await record(session, removed, Action.DELETED, me)
        await outbox.add(session, WITHDRAWN, removed, {"version_id": str(removed)})


async def lock(session: Session, document_id: UUID) -> None:
    """Makes whoever else changes the versions of this document wait. Raises a 404 problem when it is not there."""
    if await session.first(queries.lock_document, id=document_id) is None:
        raise document_not_found()


async def record(session: Session, version_id: UUID, action: Action, me: Principal, detail: str | None = None) -> None:
    """Writes down what somebody has done to a version."""
    await session.run(queries.add_history, id=uuid7(), version_id=version_id, action=action, actor=me.id, detail=detail)


async def version(session: Session, version_id: UUID) -> Version:
    """A version as it is now."""
    return Version.model_validate(await session.one(queries.find_version_by_id, id=version_id))


async def _registered(session: Session, me: Principal, version_id: UUID) -> Registered:
    await record(session, version_id, Action.REGISTERED, me)
    registered = await version(session, version_id)
    return Registered(document_id=registered.document_id, version=registered)


def _file_values(file: File, document_id: UUID, version_id: UUID) -> dict[str, Any]:
    check_size(file.size)
    return {
        "id": version_id,
        "document_id": document_id,
        "filename": file.filename,
        "content_type": check_type(file.filename, file.content_type),
        "size": file.size,
        "sha256": file.sha256,
        "object_key": f"documents/{document_id}/{version_id}/{file.filename}",
    }


def _not_archivable(row: VersionRow) -> Problem:
    if row.review_state == "APPROVED":
        return conflict("document.in_progress", "문서를 처리하고 있습니다. 처리가 끝난 뒤 보관해 주세요.")
    return conflict("review.not_approved", "승인된 버전만 보관할 수 있습니다.")

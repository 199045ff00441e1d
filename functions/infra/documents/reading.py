"""What people may see: everything for those who manage or review, and for an employee what answers are drawn from."""

from dataclasses import dataclass
from uuid import UUID

from functions.infra.documents import queries
from functions.infra.documents.queries import ListedRow, VersionRow
from functions.infra.documents.schemas import (
    Chunk,
    Document,
    HistoryEntry,
    ListedDocument,
    Version,
    VersionDetail,
)
from functions.infra.states import Domain, ProcessingState, ReviewState
from shared.auth import Principal, Role
from shared.db import Session
from shared.errors import Problem, not_found
from shared.pages import Cursor, Page, PageRequest

STAFF = frozenset({Role.SYSTEM_ADMIN, Role.VIDEO_CREATOR, Role.CONTENTS_REVIEWER})


@dataclass(frozen=True, slots=True)
class Filters:
    """What a list is narrowed to; null is everything. `search` is a part of the title, in any case of letters."""

    domain: Domain | None
    processing_state: ProcessingState | None
    review_state: ReviewState | None
    search: str | None
    created_by: UUID | None


async def list_documents(session: Session, filters: Filters, paging: PageRequest) -> Page[ListedDocument]:
    """Documents that have a version which the filters match, newest first."""
    rows = await session.all(
        queries.list_documents,
        domain=filters.domain,
        processing_state=filters.processing_state,
        review_state=filters.review_state,
        search=filters.search,
        created_by=filters.created_by,
        **paging.parameters(),
    )
    return paging.page(rows, _listed, lambda row: Cursor(row.document_created_at, row.document_id))


async def document(session: Session, me: Principal, document_id: UUID) -> Document:
    """A document and its versions. Raises a 404 problem when the caller may see none of them."""
    found = await session.first(queries.find_document, id=document_id)
    versions = await session.all(queries.visible_versions, document_id=document_id, **_scope(me))
    if found is None or not versions:
        raise document_not_found()
    return Document(
        id=found.id,
        owner=found.owner,
        created_at=found.created_at,
        updated_at=found.updated_at,
        versions=[Version.model_validate(row) for row in versions],
    )


async def find_version(session: Session, me: Principal, document_id: UUID, number: int) -> VersionRow:
    """A version that the caller may see. Raises a 404 problem."""
    row = await session.first(queries.find_version, document_id=document_id, number=number, **_scope(me))
    if row is None:
        raise document_not_found()
    return row


async def version_detail(session: Session, me: Principal, document_id: UUID, number: int) -> VersionDetail:
    """A version with its history, which is empty for an employee. Raises a 404 problem."""
    row = await find_version(session, me, document_id, number)
    history = await session.all(queries.list_history, version_id=row.id) if is_staff(me) else []
    entries = [HistoryEntry.model_validate(entry) for entry in history]
    return VersionDetail(**Version.model_validate(row).model_dump(), history=entries)


async def chunks(session: Session, version_id: UUID, after: int, limit: int) -> Page[Chunk]:
    """The passages after a position, which is also what the cursor of this list is."""
    rows = await session.all(queries.list_chunks, version_id=version_id, after=after, take=limit + 1)
    items = [Chunk.model_validate(row) for row in rows[:limit]]
    return Page(items=items, next_cursor=str(items[-1].position) if len(rows) > limit else None)


def is_staff(me: Principal) -> bool:
    """Whether somebody manages or reviews documents."""
    return bool(me.roles & STAFF)


def document_not_found() -> Problem:
    """404: there is no such document or version, or none that the caller may know of."""
    return not_found("document.not_found", "문서를 찾을 수 없습니다.")


def _scope(me: Principal) -> dict[str, object]:
    return {"staff": is_staff(me), "department": me.department}


def _listed(row: ListedRow) -> ListedDocument:
    return ListedDocument(
        id=row.document_id,
        owner=row.owner,
        created_at=row.document_created_at,
        updated_at=row.document_updated_at,
        versions=row.versions,
        version=Version.model_validate(row),
    )

"""From a draft to an approved version: submitted by its author, decided by somebody else."""

from uuid import UUID

from functions.infra.documents import queries
from functions.infra.documents.queries import VersionRow
from functions.infra.documents.reading import find_version
from functions.infra.documents.schemas import Version
from functions.infra.documents.service import APPROVED, lock, record, version
from functions.infra.states import Action, ProcessingState, ReviewState
from shared.auth import Principal
from shared.db import Session
from shared.errors import Problem, conflict, forbidden
from shared.outbox import Outbox


async def submit(session: Session, me: Principal, document_id: UUID, number: int) -> Version:
    """Asks for a review. Raises a 409 problem unless the version is READY, and DRAFT or REJECTED."""
    changed = await session.first(queries.submit, document_id=document_id, number=number)
    if changed is None:
        row = await find_version(session, me, document_id, number)
        if row.review_state in (ReviewState.DRAFT, ReviewState.REJECTED):
            raise _not_ready()
        raise conflict("review.not_submittable", "초안이거나 반려된 버전만 검토를 요청할 수 있습니다.")
    await record(session, changed, Action.SUBMITTED, me)
    return await version(session, changed)


async def approve(session: Session, outbox: Outbox, me: Principal, document_id: UUID, number: int) -> Version:
    """Approves a pending version and archives the older one that was approved until now, in the same transaction.

    The older one stays findable until the LLM host has made this one so, and is withdrawn then: there is no gap.
    Raises a 403 problem for one's own version, and a 409 problem unless it is READY, PENDING and newer than the approved one.
    """
    await lock(session, document_id)
    replaced = await session.all(queries.archive_older_approved, document_id=document_id, number=number)
    changed = await session.first(queries.approve, document_id=document_id, number=number, reviewer=me.id)
    if changed is None:
        raise _not_reviewable(await find_version(session, me, document_id, number), me)
    for older in replaced:
        await record(session, older, Action.ARCHIVED, me, f"버전 {number} 승인")
    await record(session, changed, Action.APPROVED, me)
    await outbox.add(session, APPROVED, changed, {"version_id": str(changed)})
    return await version(session, changed)


async def reject(session: Session, me: Principal, document_id: UUID, number: int, reason: str) -> Version:
    """Gives a pending version back to its author. Raises a 403 problem for one's own, and a 409 problem unless PENDING."""
    changed = await session.first(queries.reject, document_id=document_id, number=number, reviewer=me.id, reason=reason)
    if changed is None:
        raise _not_reviewable(await find_version(session, me, document_id, number), me)
    await record(session, changed, Action.REJECTED, me, reason)
    return await version(session, changed)


def _not_reviewable(row: VersionRow, me: Principal) -> Problem:
    if row.created_by == me.id:
        return forbidden(
            "review.own_version", "본인이 등록한 버전은 직접 검토할 수 없습니다. 다른 검토자에게 요청해 주세요."
        )
    if row.review_state != ReviewState.PENDING:
        return conflict("review.not_pending", "검토를 기다리는 버전이 아닙니다. 화면을 새로 고쳐 주세요.")
    if row.processing_state != ProcessingState.READY:
        return _not_ready()
    return conflict("review.newer_approved", "더 새로운 버전이 이미 승인되어 있습니다.")


def _not_ready() -> Problem:
    return conflict("document.not_ready", "문서 처리가 끝난 뒤에 할 수 있습니다.")

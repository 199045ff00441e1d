"""What S3 tells us about objects: a file has arrived, or is gone.

Messages come more than once and in any order. A created object counts by the greatest sequencer seen for its key; a removed
one is looked for, because S3 also says "removed" when an old version of an object goes.
"""

import logging
from uuid import UUID

from functions.infra.ingest import queries
from functions.infra.ingest.queries import ObjectRow
from functions.infra.ingest.schemas import S3Notification, S3Object, S3Record
from functions.infra.states import Action, ProcessingState
from shared.context import Context
from shared.db import Session
from shared.errors import unprocessable
from shared.ids import uuid7
from shared.outbox import Outbox
from shared.storage import Storage

log = logging.getLogger(__name__)

UPLOADED = "baeum.infra.document.uploaded"

_GONE_CODE = "document.object_removed"
_GONE = "올린 파일이 처리되기 전에 저장소에서 삭제되었습니다. 새 버전으로 다시 올려 주세요."


async def take(context: Context, notification: S3Notification) -> None:
    """Applies a notification. Raises a 422 problem, which is final, for a message that is none."""
    if notification.records is None:
        if notification.event != "s3:TestEvent":
            raise unprocessable("event.not_from_s3", "S3 알림이 아닙니다.")
        log.info("s3 has sent its test event")
        return
    for record in notification.records:
        await _take(context, record)


async def mark_uploaded(session: Session, outbox: Outbox, version_id: UUID) -> bool:
    """REGISTERED becomes UPLOADED and says so; anything else stays as it is, and the answer is False."""
    changed = await session.first(queries.mark_uploaded, id=version_id)
    if changed is None:
        return False
    await record(session, changed, Action.UPLOADED)
    await outbox.add(session, UPLOADED, changed, {"version_id": str(changed)})
    return True


async def record(session: Session, version_id: UUID, action: Action, detail: str | None = None) -> None:
    """Writes down what happened to a version without anybody's doing."""
    await session.run(queries.add_history, id=uuid7(), version_id=version_id, action=action, detail=detail)


async def _take(context: Context, notice: S3Record) -> None:
    bucket, stored = notice.s3.bucket.name, notice.s3.object
    found = await _find(context, stored.key) if bucket == context.config.s3_bucket else None
    if found is None:
        log.info("an object that is no document's", extra={"bucket": bucket, "key": stored.key})
    elif notice.event_name.startswith("ObjectCreated:"):
        await _created(context, found, stored)
    elif notice.event_name.startswith(("ObjectRemoved:", "LifecycleExpiration:")):
        await _removed(context, found, stored)
    else:
        log.info("an s3 event that changes nothing", extra={"event": notice.event_name, "version_id": found.id})


async def _find(context: Context, key: str) -> ObjectRow | None:
    async with context.database.transaction() as session:
        return await session.first(queries.find_object, object_key=key)


async def _created(context: Context, found: ObjectRow, stored: S3Object) -> None:
    if stored.size != found.size:
        # The caller learns it from `complete`, and may upload again.
        log.warning("an object of another size than registered", extra={"version_id": found.id, "size": stored.size})
        return
    async with context.database.transaction() as session:
        if await _is_news(session, found, stored):
            await mark_uploaded(session, context.outbox, found.id)


async def _removed(context: Context, found: ObjectRow, stored: S3Object) -> None:
    if await context.client(Storage).head(stored.key) is not None:
        log.info("an object that is there again, or still", extra={"version_id": found.id})
        return
    async with context.database.transaction() as session:
        if not await _is_news(session, found, stored.model_copy(update={"version_id": None})):
            return
        if await session.first(queries.fail_without_object, id=found.id, code=_GONE_CODE, reason=_GONE):
            await record(session, found.id, Action.FAILED, _GONE)
        elif found.processing_state in (ProcessingState.PROCESSING, ProcessingState.READY):
            log.warning("the file of a document was removed", extra={"version_id": found.id})
            await record(session, found.id, Action.FILE_REMOVED)


async def _is_news(session: Session, found: ObjectRow, stored: S3Object) -> bool:
    """Whether nothing later is known of the object; if so, this is remembered as the latest."""
    seen = await session.first(
        queries.see_object, id=found.id, sequencer=stored.sequencer, object_version=stored.version_id
    )
    return seen is not None

"""How the file of a registered version gets into the storage, and how we learn that it is there.

The caller says so, or S3 does (`infra-ingest`): both make the same conditional change, so that one wins and the other is late.
"""

import json
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from uuid import UUID

from fastapi import Response
from fastapi.encoders import jsonable_encoder
from fastapi.responses import JSONResponse

from functions.infra.documents import queries
from functions.infra.documents.queries import FileRow
from functions.infra.documents.schemas import Download, Upload, UploadedPart, UploadPart, Version
from functions.infra.documents.service import UPLOADED, record, version
from functions.infra.states import Action, ProcessingState
from shared.auth import Principal
from shared.context import Context
from shared.db import Session
from shared.errors import Problem, conflict, unprocessable
from shared.outbox import Outbox
from shared.storage import GET_SECONDS, PART_BYTES, PUT_SECONDS, ObjectHead, Part, Storage


async def with_upload(context: Context, registered: Response) -> Response:
    """The answer to a registration with URLs to upload to, which are never stored: a repeat gets fresh ones."""
    answer = json.loads(bytes(registered.body))
    file = await _file(context, UUID(answer["version"]["id"]))
    if file.processing_state == ProcessingState.REGISTERED:
        answer["upload"] = jsonable_encoder(await _upload_of(context, file))
    headers = {name: value for name, value in registered.headers.items() if name == "idempotency-replayed"}
    return JSONResponse(answer, registered.status_code, headers)


async def upload(context: Context, version_id: UUID) -> Upload:
    """Fresh URLs for a version without its file; parts that were put stay. Raises a 409 problem once the file is there."""
    file = await _file(context, version_id)
    if file.processing_state != ProcessingState.REGISTERED:
        raise _not_awaited(file)
    return await _upload_of(context, file)


async def complete(context: Context, me: Principal, version_id: UUID, parts: Sequence[UploadedPart]) -> Version:
    """Notes that the file is in the storage; repeating it changes nothing.

    Raises a 409 problem when the file is not there or not awaited any more, and a 422 problem when it has another size.
    """
    file = await _file(context, version_id)
    if file.processing_state in (ProcessingState.EXPIRED, ProcessingState.REMOVING, ProcessingState.REMOVED):
        raise _not_awaited(file)
    if file.processing_state == ProcessingState.REGISTERED:
        head = await _stored(context.client(Storage), file, parts)
        async with context.database.transaction() as session:
            await mark_uploaded(session, context.outbox, me, file.id, head.version)
    async with context.database.transaction() as session:
        return await version(session, version_id)


async def mark_uploaded(
    session: Session, outbox: Outbox, me: Principal, version_id: UUID, object_version: str | None
) -> None:
    """REGISTERED becomes UPLOADED and says so; anything else stays as it is."""
    changed = await session.first(queries.mark_uploaded, id=version_id, object_version=object_version)
    if changed is not None:
        await record(session, changed, Action.UPLOADED, me)
        await outbox.add(session, UPLOADED, changed, {"version_id": str(changed)})


async def download(context: Context, version_id: UUID) -> Download:
    """A URL of the version's file. Raises a 409 problem when it has never been uploaded."""
    file = await _file(context, version_id)
    if file.processing_state in (ProcessingState.REGISTERED, ProcessingState.EXPIRED):
        raise _not_uploaded()
    url = await context.client(Storage).presign_get(file.object_key, file.object_version)
    return Download(url=url, expires_at=_in(GET_SECONDS))


async def _file(context: Context, version_id: UUID) -> FileRow:
    async with context.database.transaction() as session:
        return await session.one(queries.find_file, id=version_id)


async def _upload_of(context: Context, file: FileRow) -> Upload:
    storage = context.client(Storage)
    if file.size <= PART_BYTES:
        put = await storage.presign_put(file.object_key, file.content_type, file.size, file.sha256)
        return Upload(expires_at=_in(PUT_SECONDS), url=put.url, headers=put.headers)
    parts = await storage.presign_parts(file.object_key, file.content_type, file.size, file.upload_id)
    upload_id = await _keep_upload_id(context, file.id, parts.upload_id)
    if upload_id != parts.upload_id:  # another request began one at the same moment; that one counts
        parts = await storage.presign_parts(file.object_key, file.content_type, file.size, upload_id)
    return Upload(
        expires_at=_in(PUT_SECONDS),
        upload_id=upload_id,
        part_bytes=parts.part_bytes,
        parts=[UploadPart(number=number, url=url) for number, url in enumerate(parts.urls, 1)],
    )


async def _keep_upload_id(context: Context, version_id: UUID, upload_id: str) -> str:
    async with context.database.transaction() as session:
        return await session.one(queries.keep_upload_id, id=version_id, upload_id=upload_id)


async def _stored(storage: Storage, file: FileRow, parts: Sequence[UploadedPart]) -> ObjectHead:
    if file.upload_id and parts:
        listed = [Part(part.number, part.etag) for part in parts]
        await storage.complete_parts(file.object_key, file.upload_id, listed)
    head = await storage.head(file.object_key)
    if head is None:
        raise _not_uploaded()
    if head.size != file.size:
        detail = f"올린 파일의 크기({head.size}바이트)가 등록한 크기({file.size}바이트)와 다릅니다. 같은 파일을 다시 올려 주세요."
        raise unprocessable("document.size_mismatch", detail)
    return head


def _in(seconds: int) -> datetime:
    return datetime.now(UTC) + timedelta(seconds=seconds)


def _not_uploaded() -> Problem:
    return conflict("document.not_uploaded", "파일이 아직 올라오지 않았습니다. 파일을 올린 뒤 다시 시도해 주세요.")


def _not_awaited(file: FileRow) -> Problem:
    if file.processing_state == ProcessingState.EXPIRED:
        return conflict("document.upload_expired", "파일을 올릴 수 있는 기한이 지났습니다. 새 버전으로 등록해 주세요.")
    return conflict(
        "document.already_uploaded", "이미 파일이 올라온 버전입니다. 다른 파일은 새 버전으로 등록해 주세요."
    )

"""Fetches a file from storage: only from hosts we were told of, never more than was announced, and checked by SHA-256."""

import asyncio
import hashlib
from pathlib import Path

import httpx

from llm_host.documents.blocks import DocumentError
from llm_host.documents.store import Source

TIMEOUT = httpx.Timeout(30.0, connect=5.0)
_BLOCK_BYTES = 1 << 20


class SourceError(DocumentError):
    """The file could not be fetched, which may work later or with a new URL."""


async def download(source: Source, allowed_hosts: frozenset[str], target: Path) -> None:
    """Writes the file to `target`. Redirects are not followed: a presigned URL has none.

    Raises SourceError `document.source_expired`, `document.source_unreachable`; DocumentError `document.source_refused`
    (a host that is not allowed), `document.larger_than_announced`, `document.checksum_mismatch`.
    """
    _refuse_foreign_host(source.url, allowed_hosts)
    try:
        async with (
            httpx.AsyncClient(timeout=TIMEOUT, follow_redirects=False) as client,
            client.stream("GET", source.url) as answer,
        ):
            _refuse_status(answer.status_code)
            digest = await _write(answer, source.size, target)
    except httpx.HTTPError as error:
        raise SourceError(
            "document.source_unreachable", "파일 저장소에 연결할 수 없습니다. 잠시 후 다시 처리해 주세요."
        ) from error
    if digest != source.sha256.lower():
        raise DocumentError(
            "document.checksum_mismatch",
            "올린 파일이 등록한 파일과 다릅니다(SHA-256 불일치). 파일을 다시 올려 주세요.",
        )


def _refuse_foreign_host(url: str, allowed: frozenset[str]) -> None:
    try:
        parts = httpx.URL(url)  # the parser that will also make the request, so that both see the same host
    except httpx.InvalidURL:
        parts = httpx.URL()
    host = f"{parts.host}:{parts.port}" if parts.port else parts.host
    if parts.scheme not in ("http", "https") or not {parts.host, host} & allowed:
        raise DocumentError("document.source_refused", "허용되지 않은 저장소 주소입니다. 관리자에게 문의해 주세요.")


def _refuse_status(status: int) -> None:
    if status in (403, 410):
        raise SourceError("document.source_expired", "파일을 받을 수 있는 기한이 지났습니다. 다시 처리해 주세요.")
    if status == 404:
        raise DocumentError("document.source_missing", "저장소에 파일이 없습니다. 파일을 다시 올려 주세요.")
    if status != 200:
        raise SourceError(
            "document.source_unreachable",
            f"파일 저장소가 파일을 주지 않았습니다({status}). 잠시 후 다시 처리해 주세요.",
        )


async def _write(answer: httpx.Response, size: int, target: Path) -> str:
    """The SHA-256 of what was written, in hex."""
    digest, written = hashlib.sha256(), 0
    with await asyncio.to_thread(target.open, "wb") as file:
        async for block in answer.aiter_raw(_BLOCK_BYTES):
            written += len(block)
            if written > size:
                raise DocumentError(
                    "document.larger_than_announced",
                    f"파일이 등록한 크기({size:,}바이트)보다 큽니다. 파일을 다시 등록해 주세요.",
                )
            digest.update(block)
            file.write(block)
    return digest.hexdigest()

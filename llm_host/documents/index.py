"""What the three kinds of jobs do: a file becomes findable chunks, a version goes live, a version leaves no vector."""

import asyncio
import json
import logging
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from llm_host.documents.blocks import Chunk, DocumentError, Extracted
from llm_host.documents.clean import clean
from llm_host.documents.download import download
from llm_host.documents.extract.isolated import run_isolated
from llm_host.documents.split import split
from llm_host.documents.store import NOT_INDEXED, Job, Source, Stage, Store, Version
from llm_host.engines.engine import Engine, Vectors
from llm_host.metrics import Metrics
from llm_host.vectors import StoredChunk, VectorStore

log = logging.getLogger(__name__)

EXTRACT_TIMEOUT_SECONDS = 600.0
EXTRACT_MEMORY_BYTES = 2 << 30
EMBED_BATCH = 64
STORE_BATCH = 256
REPORT_CHUNKS = 50
REPORT_BYTES = 200_000  # of chunks in one event, so that the whole stays below 256 KB
REMOVE_TRIES = 20
REMOVE_PAUSE_SECONDS = 0.5

# Where each stage begins in the progress of a whole job, in percent.
_BEGINS: Mapping[Stage, int] = {"download": 0, "extract": 10, "split": 30, "embed": 35, "store": 80}


class Indexer:
    """The steps of jobs. They may be run again from the start at any time, and stop when their job is superseded."""

    def __init__(
        self, store: Store, vectors: VectorStore, engine: Engine, source_hosts: frozenset[str], metrics: Metrics
    ) -> None:
        self._store = store
        self._vectors = vectors
        self._engine = engine
        self._source_hosts = source_hosts
        self._metrics = metrics

    async def process(self, job: Job) -> None:
        """Downloads, reads, splits, embeds and stores a version. Raises DocumentError, Problem or Superseded."""
        assert job.source is not None
        version = await asyncio.to_thread(self._store.version, job)
        extracted = await self._read(job, job.source)
        with self._metrics.stage("split"):
            await self._stage(job, "split")
            chunks = await asyncio.to_thread(lambda: split(clean(extracted.blocks)))
        if not chunks:
            raise DocumentError("document.empty", "문서에 읽을 수 있는 글이 없습니다. 내용을 확인해 주세요.")
        stored = [_stored(version, chunk) for chunk in chunks]
        with self._metrics.stage("embed"):
            vectors = await self._embed(job, stored)
        with self._metrics.stage("store"):
            await self._write(job, stored, vectors)
        await asyncio.to_thread(self._store.indexed, job, _reports(job, extracted, chunks))

    async def activate(self, job: Job) -> None:
        """Makes a version findable, then drops the vectors of the one it replaces. Raises DocumentError or Superseded."""
        if not await asyncio.to_thread(self._store.make_live, job):
            raise DocumentError("document.not_indexed", NOT_INDEXED)
        await self.sweep()
        await asyncio.to_thread(self._store.done, job, "baeum.llm.document.activated")

    async def remove(self, job: Job) -> None:
        """Deletes the vectors of a version and counts until none is left. Raises DocumentError or Superseded."""
        async with self._vectors.writing:
            await asyncio.to_thread(self._store.check, job)
            await self._remove_vectors(job.id)
        await asyncio.to_thread(self._store.done, job, "baeum.llm.document.removed")

    async def sweep(self) -> None:
        """Deletes vectors that no version needs: of cancelled, failed and replaced ones."""
        for version_id in await asyncio.to_thread(self._store.orphans):
            async with self._vectors.writing:
                if await asyncio.to_thread(self._store.is_orphan, version_id):
                    await self._remove_vectors(version_id)

    async def _read(self, job: Job, source: Source) -> Extracted:
        with tempfile.TemporaryDirectory(prefix="document-") as folder:
            path = Path(folder, "file")
            with self._metrics.stage("download"):
                await self._stage(job, "download")
                await download(source, self._source_hosts, path)
            with self._metrics.stage("extract"):
                await self._stage(job, "extract")
                return await asyncio.to_thread(
                    run_isolated,
                    path,
                    source.filename,
                    source.content_type,
                    EXTRACT_TIMEOUT_SECONDS,
                    EXTRACT_MEMORY_BYTES,
                )

    async def _embed(self, job: Job, chunks: Sequence[StoredChunk]) -> Vectors:
        parts: list[Vectors] = []
        for done in range(0, len(chunks), EMBED_BATCH):
            await self._stage(job, "embed", done / len(chunks))
            batch = chunks[done : done + EMBED_BATCH]
            parts.append(await self._engine.embed([f"{chunk.context}\n{chunk.text}" for chunk in batch]))
        return np.concatenate(parts)

    async def _write(self, job: Job, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Replaces the version's vectors. A check and its write hold the lock, so nothing is written after a removal."""
        async with self._vectors.writing:
            await asyncio.to_thread(self._store.begin_vectors, job)
            await self._vectors.remove(job.id)
        for done in range(0, len(chunks), STORE_BATCH):
            await self._stage(job, "store", done / len(chunks))
            async with self._vectors.writing:
                await asyncio.to_thread(self._store.check, job)
                end = done + STORE_BATCH
                await self._vectors.insert(chunks[done:end], vectors[done:end])
        async with self._vectors.writing:
            await self._vectors.settle()
        found = await self._vectors.count(job.id)
        await asyncio.to_thread(self._store.check, job)
        if found != len(chunks):
            raise RuntimeError(f"{found} of {len(chunks)} chunks are stored")

    async def _remove_vectors(self, version_id: str) -> None:
        await self._vectors.remove(version_id)
        for _ in range(REMOVE_TRIES):
            if await self._vectors.count(version_id) == 0:
                await asyncio.to_thread(self._store.vectors_removed, version_id)
                return
            await asyncio.sleep(REMOVE_PAUSE_SECONDS)
        raise RuntimeError(f"vectors of {version_id} are left after their deletion")

    async def _stage(self, job: Job, stage: Stage, share: float = 0.0) -> None:
        """Notes that `share` of a stage is done. Raises Superseded."""
        ends = [begin for begin in _BEGINS.values() if begin > _BEGINS[stage]]
        percent = round(_BEGINS[stage] + share * (min(ends, default=100) - _BEGINS[stage]))
        await asyncio.to_thread(self._store.progress, job, stage, percent)


def _stored(version: Version, chunk: Chunk) -> StoredChunk:
    heading = chunk.heading[:1000] if chunk.heading else None
    return StoredChunk(
        id=f"{version.id}:{chunk.position}",
        document_id=version.document_id,
        version_id=version.id,
        page=chunk.page,
        heading=heading,
        clause=chunk.clause,
        text=chunk.text,
        context=" ".join(filter(None, (version.title, heading))),
    )


def _reports(job: Job, extracted: Extracted, chunks: Sequence[Chunk]) -> list[tuple[str, Mapping[str, Any]]]:
    """The chunks in batches that an event can carry, then the end."""
    reports: list[tuple[str, Mapping[str, Any]]] = []
    batch: list[dict[str, Any]] = []
    size = 0
    for chunk in chunks:
        fields = asdict(chunk)
        length = len(json.dumps(fields, ensure_ascii=False).encode())
        if batch and (len(batch) == REPORT_CHUNKS or size + length > REPORT_BYTES):
            reports.append(("baeum.llm.document.chunked", {"attempt": job.attempt, "chunks": batch}))
            batch, size = [], 0
        batch.append(fields)
        size += length
    reports.append(("baeum.llm.document.chunked", {"attempt": job.attempt, "chunks": batch}))
    totals = {
        "attempt": job.attempt,
        "pages": extracted.pages,
        "characters": sum(len(block.text) for block in extracted.blocks),
        "chunks": len(chunks),
    }
    return [*reports, ("baeum.llm.document.indexed", totals)]

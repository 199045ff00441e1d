"""Chunks in Milvus: the only file that knows it. The same code serves Milvus Lite (a file) and a Milvus server."""

import asyncio
import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymilvus import (
    AnnSearchRequest,
    DataType,
    Function,
    FunctionType,
    MilvusClient,
    MilvusException,
    RRFRanker,
)

from llm_host.engines.engine import Vectors
from llm_host.terms import cut
from shared.config import ConfigError
from shared.errors import Problem, unavailable

log = logging.getLogger(__name__)

COLLECTION = "chunks"
MODEL_PROPERTY = "baeum.embedding.model"
RRF_K = 60  # Cormack, Clarke and Buettcher 2009: the constant hardly matters, and 60 was theirs
MAX_TERMS = 21_800  # characters, of 3 bytes at most: a VARCHAR of Milvus holds 65,535 bytes
_OUTPUT = ["id", "version_id", "page", "heading", "clause", "text", "dense"]


@dataclass(frozen=True, slots=True)
class StoredChunk:
    """A chunk as it is stored; `context` (title and heading) is searched together with the text."""

    id: str
    document_id: str
    version_id: str
    page: int | None
    heading: str | None
    clause: str | None
    text: str
    context: str


@dataclass(frozen=True, slots=True)
class Hit:
    """A chunk that was found; `similarity` is the cosine with the query, best hits come first."""

    id: str
    version_id: str
    page: int | None
    heading: str | None
    clause: str | None
    text: str
    similarity: float


def equals(field: str, value: str) -> str:
    """A filter `field == value`. Milvus Lite has no filter parameters, so this is the one place that quotes values."""
    return f"{field} == {_quoted(value)}"


def one_of(field: str, values: Iterable[str]) -> str:
    """A filter `field in values`."""
    return f"{field} in [{', '.join(map(_quoted, values))}]"


def _quoted(value: str) -> str:
    return '"' + value.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'


class VectorStore:
    """The collection. Methods raise a 503 problem `vectors.unavailable` when Milvus cannot be reached.

    What may be found is decided by the caller, who names the versions. Measured on Lite with 4,000 chunks (CPU per hybrid
    search): a list of 200 versions 16 ms, `like` on a string of departments 42 ms, an ARRAY of departments 835 ms; at 40,000
    chunks 2,000 versions cost no more than `like`. And a list that comes from one SQLite transaction makes activation,
    withdrawal and a change of departments true at once for all chunks of a document.
    """

    def __init__(self, uri: str, dimension: int, model: str) -> None:
        self._is_file = "://" not in uri
        self._client = MilvusClient(uri)
        self.writing = asyncio.Lock()  # Lite wants one writer; and a check and its write belong together
        if not self._client.has_collection(COLLECTION):
            self._create(dimension, model)
        if not self._client.list_indexes(COLLECTION):
            self._create_indexes()
        self._refuse_other_model(dimension, model)
        # Lite gives collections back released after a reopen.
        self._client.load_collection(COLLECTION)
        self._flush()

    async def insert(self, chunks: Sequence[StoredChunk], vectors: Vectors) -> None:
        """Writes chunks with their vectors, replacing those of the same id."""
        rows = [_row(chunk, vector) for chunk, vector in zip(chunks, vectors, strict=True)]
        await self._call(self._client.upsert, COLLECTION, rows)

    async def settle(self) -> None:
        """To be called when a version is written: makes searching it fast."""
        await self._call(self._flush)

    async def remove(self, version_id: str) -> None:
        """Deletes every chunk of a version."""
        await self._call(self._client.delete, COLLECTION, filter=equals("version_id", version_id))

    async def count(self, version_id: str) -> int:
        """How many chunks of a version there are, counting every write before this call."""
        rows = await self._call(
            self._client.query,
            COLLECTION,
            filter=equals("version_id", version_id),
            output_fields=["count(*)"],
            consistency_level="Strong",
        )
        return int(rows[0]["count(*)"])

    async def search(self, query: str, vector: Vectors, versions: Sequence[str], limit: int) -> list[Hit]:
        """The best chunks of the named versions: by meaning and by words (BM25), fused by reciprocal rank."""
        if not versions:
            return []
        condition = one_of("version_id", versions)
        requests = [AnnSearchRequest([vector.tolist()], "dense", {"metric_type": "COSINE"}, limit, expr=condition)]
        if words := " ".join(cut(query)):
            requests.append(AnnSearchRequest([words], "sparse", {"metric_type": "BM25"}, limit, expr=condition))
        found = await self._call(
            self._client.hybrid_search,
            COLLECTION,
            requests,
            RRFRanker(RRF_K),
            limit=limit,
            output_fields=_OUTPUT,
        )
        return [_hit(each["entity"], vector) for each in found[0]]

    async def ready(self) -> bool:
        """Whether Milvus answers."""
        try:
            return bool(await self._call(self._client.has_collection, COLLECTION))
        except Problem:
            return False

    def close(self) -> None:
        self._client.close()

    def _flush(self) -> None:
        """Lite searches what is not flushed row by row (2,230 chunks: 695 ms, flushed 92 ms); a server does so by itself."""
        if self._is_file:
            self._client.flush(COLLECTION)

    async def _call(self, function: Any, *arguments: Any, **named: Any) -> Any:  # noqa: ANN401 - pymilvus is untyped
        try:
            return await asyncio.to_thread(function, *arguments, **named)
        except MilvusException as error:
            log.error("milvus failed", exc_info=error)
            raise unavailable(
                "vectors.unavailable", "문서 검색 저장소에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요."
            ) from error

    def _create(self, dimension: int, model: str) -> None:
        schema = self._client.create_schema()
        schema.add_field("id", DataType.VARCHAR, is_primary=True, max_length=80)  # "<version_id>:<position>"
        schema.add_field("document_id", DataType.VARCHAR, max_length=36)
        schema.add_field("version_id", DataType.VARCHAR, max_length=36)
        schema.add_field("page", DataType.INT64, nullable=True)
        for name in ("heading", "clause"):
            schema.add_field(name, DataType.VARCHAR, max_length=4096, nullable=True)
        schema.add_field("text", DataType.VARCHAR, max_length=65_535)
        schema.add_field("terms", DataType.VARCHAR, max_length=65_535, enable_analyzer=True)
        schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
        schema.add_field("dense", DataType.FLOAT_VECTOR, dim=dimension)
        schema.add_function(Function("bm25", FunctionType.BM25, ["terms"], ["sparse"]))
        # A property, because Lite keeps no descriptions.
        self._client.create_collection(COLLECTION, schema=schema, properties={MODEL_PROPERTY: model})

    def _create_indexes(self) -> None:
        indexes = self._client.prepare_index_params()
        indexes.add_index("version_id", index_type="INVERTED")
        indexes.add_index("dense", index_type="AUTOINDEX", metric_type="COSINE")
        indexes.add_index("sparse", index_type="SPARSE_INVERTED_INDEX", metric_type="BM25")
        # There is nothing to wait for in an empty collection, and Lite cannot be asked.
        self._client.create_index(COLLECTION, indexes, sync=False)

    def _refuse_other_model(self, dimension: int, model: str) -> None:
        described = self._client.describe_collection(COLLECTION)
        built_by = described["properties"].get(MODEL_PROPERTY)
        built = next(field["params"]["dim"] for field in described["fields"] if field["name"] == "dense")
        if (built_by, int(built)) != (model, dimension):
            raise ConfigError(
                f"the stored vectors were made by {built_by} ({built} dimensions), the engine now is {model} ({dimension}):"
                " set the engine back, or use a new LLM_HOST_DATA and process all documents again"
            )


def _row(chunk: StoredChunk, vector: Vectors) -> dict[str, Any]:
    return {
        "id": chunk.id,
        "document_id": chunk.document_id,
        "version_id": chunk.version_id,
        "page": chunk.page,
        "heading": chunk.heading,
        "clause": chunk.clause,
        "text": chunk.text,
        "terms": " ".join(cut(f"{chunk.context}\n{chunk.text}"))[:MAX_TERMS],
        "dense": vector.tolist(),
    }


def _hit(entity: dict[str, Any], query: Vectors) -> Hit:
    similarity = float(np.dot(np.asarray(entity["dense"], dtype=np.float32), query))
    fields = {name: entity[name] for name in ("id", "version_id", "page", "heading", "clause", "text")}
    return Hit(**fields, similarity=similarity)

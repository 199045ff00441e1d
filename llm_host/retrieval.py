"""One question to ranked passages, and whether they are evidence: decided by searching, before any model speaks."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass

from llm_host.coverage import coverages, snippet
from llm_host.documents.store import Store, Version
from llm_host.engines.engine import Engine
from llm_host.metrics import Metrics
from llm_host.terms import content_words, keywords
from llm_host.vectors import Hit, VectorStore

CANDIDATES = 30  # how deep both searches look before they are fused
# Of what the question is about must stand in a passage; measured in tests/llm_host/test_retrieval.py.
ENOUGH_COVERAGE = 0.35


@dataclass(frozen=True, slots=True)
class Passage:
    """A chunk as it is cited. `score` is 0 to 1: how much of what the question is about stands in it."""

    number: int
    chunk_id: str
    document_id: str
    version_id: str
    title: str
    version: int
    page: int | None
    heading: str | None
    clause: str | None
    snippet: str
    text: str
    score: float


@dataclass(frozen=True, slots=True)
class Found:
    """What a search brought. `evidence` says whether an answer may be built on it; `documents` how many were searched."""

    passages: Sequence[Passage]
    evidence: bool
    documents: int


class Retriever:
    """Searches what a department may see."""

    def __init__(self, store: Store, vectors: VectorStore, engine: Engine, metrics: Metrics) -> None:
        self._store = store
        self._vectors = vectors
        self._engine = engine
        self._metrics = metrics

    async def search(self, query: str, department: str | None, domains: Sequence[str], limit: int) -> Found:
        """The best passages for a query, numbered from 1. Raises a 503 problem when a part is down."""
        with self._metrics.search():
            versions = await asyncio.to_thread(self._store.findable, department, domains)
            if not versions:
                return Found((), evidence=False, documents=0)
            vector = await self._engine.embed_query(query)
            hits = await self._vectors.search(keywords(query), vector, list(versions), CANDIDATES)
        words = content_words(query)
        texts = [_searched_text(hit, versions[hit.version_id]) for hit in hits]
        scores = coverages(words, texts)
        ranked = _ranked(hits, scores)[:limit]
        passages = [
            _passage(number, hit, versions[hit.version_id], words, score)
            for number, (hit, score) in enumerate(ranked, start=1)
        ]
        return Found(passages, self._is_evidence(ranked), len(versions))

    def _is_evidence(self, ranked: Sequence[tuple[Hit, float]]) -> bool:
        strong = self._engine.strong_similarity
        return any(
            score >= ENOUGH_COVERAGE or (strong is not None and hit.similarity >= strong) for hit, score in ranked
        )


def _ranked(hits: Sequence[Hit], scores: Sequence[float]) -> list[tuple[Hit, float]]:
    """The order of the fused search and that of coverage, fused once more by reciprocal rank."""
    by_score = sorted(range(len(hits)), key=lambda at: -scores[at])
    place = {at: rank for rank, at in enumerate(by_score)}
    order = sorted(range(len(hits)), key=lambda at: -(1 / (10 + at) + 1 / (10 + place[at])))
    return [(hits[at], scores[at]) for at in order]


def _searched_text(hit: Hit, version: Version) -> str:
    return "\n".join(filter(None, (version.title, hit.heading, hit.text)))


def _passage(number: int, hit: Hit, version: Version, words: Sequence[str], score: float) -> Passage:
    return Passage(
        number=number,
        chunk_id=hit.id,
        document_id=version.document_id,
        version_id=version.id,
        title=version.title,
        version=version.number,
        page=hit.page,
        heading=hit.heading,
        clause=hit.clause,
        snippet=snippet(hit.text, words),
        text=hit.text,
        score=round(score, 3),
    )

"""Retrieval: hybrid search over 10,000 and 100,000 chunks in Milvus Lite: its time, and how often it finds what it should.

A query is made of words of one chunk, in another order; recall@10 says how often that chunk is among the first ten.
"""

import asyncio
import os
import random
import tempfile
import time
from pathlib import Path

from llm_host.engines.builtin import BuiltinEngine
from llm_host.vectors import StoredChunk, VectorStore
from scripts.bench.measure import percentile, show
from scripts.bench.text import paragraph

SIZES = tuple(int(size) for size in os.environ.get("BENCH_CHUNKS", "10000,100000").split(","))
QUERIES = 100
CHUNKS_PER_VERSION = 50
CHARACTERS = 300


def main() -> None:
    """Measures and prints the table."""
    rows = [asyncio.run(measure(size)) for size in SIZES]
    columns = ["chunks", "p50 ms", "p95 ms", "embed p95 ms", "recall@10", "fill s"]
    show(f"Hybrid search, {QUERIES} queries, all versions findable", columns, rows)


async def measure(size: int) -> tuple[str, ...]:
    """A line of the table."""
    source = random.Random(11)  # noqa: S311 - the same chunks every time
    texts = [paragraph(source, CHARACTERS) for _ in range(size)]
    engine = BuiltinEngine()
    with tempfile.TemporaryDirectory() as folder:
        store = VectorStore(str(Path(folder, "vectors.db")), engine.dimension, engine.embedding_model)
        began = time.perf_counter()
        await fill(store, engine, texts)
        filled = time.perf_counter() - began
        versions = sorted({version_of(number) for number in range(size)})
        searches, embeds, found = [], [], 0
        for number in source.sample(range(size), QUERIES):
            query = words_of(texts[number], source)
            began = time.perf_counter()
            vector = (await engine.embed([query]))[0]
            embeds.append(time.perf_counter() - began)
            hits = await store.search(query, vector, versions, 10)
            searches.append(time.perf_counter() - began)
            found += f"{version_of(number)}:{number}" in [hit.id for hit in hits]
        store.close()
    times = (percentile(searches, 50), percentile(searches, 95), percentile(embeds, 95))
    return f"{size:,}", *(f"{each * 1000:.0f}" for each in times), f"{found / QUERIES:.2f}", f"{filled:.0f}"


async def fill(store: VectorStore, engine: BuiltinEngine, texts: list[str]) -> None:
    """Stores every text as a chunk, a version at a time, as documents come in."""
    for begin in range(0, len(texts), CHUNKS_PER_VERSION):
        numbers = range(begin, min(begin + CHUNKS_PER_VERSION, len(texts)))
        version = version_of(begin)
        chunks = [StoredChunk(f"{version}:{n}", version, version, 1, None, None, texts[n], "규정") for n in numbers]
        await store.insert(chunks, await engine.embed([texts[n] for n in numbers]))
        await store.settle()


def version_of(number: int) -> str:
    """The version that a chunk belongs to."""
    return f"version-{number // CHUNKS_PER_VERSION:06}"


def words_of(text: str, source: random.Random) -> str:
    """Six words of a text, shuffled; one of them is a number, which tells it from the others."""
    words = text.split()
    numbers = [word for word in words if word.endswith("호")]
    chosen = [source.choice(numbers), *source.sample(words, 5)]
    source.shuffle(chosen)
    return " ".join(chosen)

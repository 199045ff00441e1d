"""Ingest: a text PDF of 200 Korean pages through every stage of the LLM host, in pages per second."""

import asyncio
import io
import random
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

from llm_host.documents.clean import clean
from llm_host.documents.extract.isolated import run_isolated
from llm_host.documents.index import EMBED_BATCH, EXTRACT_MEMORY_BYTES, EXTRACT_TIMEOUT_SECONDS, STORE_BATCH
from llm_host.documents.split import split
from llm_host.engines.builtin import BuiltinEngine
from llm_host.vectors import StoredChunk, VectorStore
from scripts.bench.measure import show
from scripts.bench.text import paragraph

PAGES = 200
LINES = 32


@dataclass
class Watch:
    """Seconds by stage."""

    seconds: dict[str, float] = field(default_factory=dict)
    _began: float = field(default_factory=time.perf_counter)

    def lap(self, stage: str) -> None:
        """Ends a stage."""
        now = time.perf_counter()
        self.seconds[stage] = now - self._began
        self._began = now


def main() -> None:
    """Measures and prints the table."""
    with tempfile.TemporaryDirectory() as folder:
        pdf = Path(folder, "guide.pdf")
        pdf.write_bytes(make_pdf(random.Random(7)))  # noqa: S311 - the same document every time
        watch, chunks = asyncio.run(ingest(pdf, Path(folder, "vectors.db")))
    total = sum(watch.seconds.values())
    rows = [(stage, f"{seconds:.2f}", f"{PAGES / seconds:.0f}") for stage, seconds in watch.seconds.items()]
    rows.append(("all", f"{total:.2f}", f"{PAGES / total:.0f}"))
    show(f"Ingest of {PAGES} pages, {chunks} chunks", ["stage", "seconds", "pages/s"], rows)


async def ingest(pdf: Path, database: Path) -> tuple[Watch, int]:
    """Every stage once; the time of each, and the number of chunks."""
    engine = BuiltinEngine()
    store = VectorStore(str(database), engine.dimension, engine.embedding_model)
    watch = Watch()
    extracted = run_isolated(pdf, pdf.name, "application/pdf", EXTRACT_TIMEOUT_SECONDS, EXTRACT_MEMORY_BYTES)
    watch.lap("extract (its own process)")
    chunks = split(clean(extracted.blocks))
    watch.lap("clean, split")
    stored = [
        StoredChunk(f"v:{chunk.position}", "d", "v", chunk.page, chunk.heading, chunk.clause, chunk.text, "안내서")
        for chunk in chunks
    ]
    for begin in range(0, len(stored), STORE_BATCH):
        batch = stored[begin : begin + STORE_BATCH]
        parts = [batch[at : at + EMBED_BATCH] for at in range(0, len(batch), EMBED_BATCH)]
        for part in parts:
            await store.insert(part, await engine.embed([f"{chunk.context}\n{chunk.text}" for chunk in part]))
    await store.settle()
    watch.lap("embed, store")
    store.close()
    return watch, len(chunks)


def make_pdf(source: random.Random) -> bytes:
    """A PDF of Korean text in one of the fonts every reader has (nothing to embed)."""
    from reportlab.lib.pagesizes import A4
    from reportlab.pdfbase import pdfmetrics
    from reportlab.pdfbase.cidfonts import UnicodeCIDFont
    from reportlab.pdfgen.canvas import Canvas

    pdfmetrics.registerFont(UnicodeCIDFont("HYSMyeongJo-Medium"))
    buffer = io.BytesIO()
    canvas = Canvas(buffer, A4, invariant=1)
    for page in range(1, PAGES + 1):
        canvas.setFont("HYSMyeongJo-Medium", 10)
        canvas.drawString(60, 800, f"제{page}조(항목 {page})")
        for line in range(LINES):
            canvas.drawString(60, 780 - line * 22, paragraph(source, 45))
        canvas.drawString(280, 30, f"- {page} -")
        canvas.showPage()
    canvas.save()
    return buffer.getvalue()

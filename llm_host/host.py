"""The host put together: its parts, and the work that goes on while it serves."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Annotated, Any

from fastapi import Depends, Request

from llm_host.answers.turn import Answerer
from llm_host.database import Database
from llm_host.documents.index import Indexer
from llm_host.documents.jobs import Worker
from llm_host.documents.store import Store
from llm_host.engines.builtin import BuiltinEngine
from llm_host.engines.engine import Engine
from llm_host.engines.vllm import VllmEngine
from llm_host.metrics import Metrics
from llm_host.reports import Reporter
from llm_host.retrieval import Retriever
from llm_host.settings import Settings
from llm_host.vectors import VectorStore

log = logging.getLogger(__name__)


class Host:
    """One per process. Raises ConfigError when the stored vectors were made by another model."""

    def __init__(self, settings: Settings) -> None:
        settings.data.mkdir(parents=True, exist_ok=True)
        self.engine: Engine = VllmEngine(settings.vllm) if settings.vllm else BuiltinEngine()
        self.vectors = VectorStore(settings.milvus_uri, self.engine.dimension, self.engine.embedding_model)
        self._database = Database(settings.data / "host.sqlite3")
        self.store = Store(self._database)
        self.metrics = Metrics(self.store.counts)
        self.retriever = Retriever(self.store, self.vectors, self.engine, self.metrics)
        self.answerer = Answerer(self.retriever, self.engine, settings.link_hosts, self.metrics)
        self._reporter = Reporter(self._database, settings.broker_url)
        indexer = Indexer(self.store, self.vectors, self.engine, settings.source_hosts, self.metrics)
        self._lanes = (
            Worker(self.store, {"process": indexer.process}, indexer.sweep, self._reporter.wake),
            Worker(
                self.store,
                {"remove": indexer.remove, "activate": indexer.activate},
                indexer.sweep,
                self._reporter.wake,
            ),
        )
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Goes on with what the last process left behind."""
        self.store.recover()
        loops: list[Coroutine[Any, Any, None]] = [self._reporter.run(), *(lane.run() for lane in self._lanes)]
        self._tasks = [asyncio.create_task(loop) for loop in loops]

    async def close(self) -> None:
        """Stops; what is not finished is queued again."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.engine.close()
        self.vectors.close()
        self._database.close()

    def wake(self) -> None:
        """Says that jobs have changed."""
        for lane in self._lanes:
            lane.wake()

    async def readiness(self) -> dict[str, bool]:
        """What is needed to serve, and whether it is there."""
        engine, vectors = await asyncio.gather(self.engine.ready(), self.vectors.ready())
        return {"engine": engine, "vectors": vectors, "workers": not any(task.done() for task in self._tasks)}


def _host(request: Request) -> Host:
    host: Host = request.app.state.host
    return host


HostOf = Annotated[Host, Depends(_host)]

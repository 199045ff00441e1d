"""What a function has at hand while it runs: settings, database, outbox, clients, and work that outlives a request."""

import asyncio
import logging
from collections.abc import Coroutine
from typing import Annotated, Any, Protocol, Self, TypeVar

from fastapi import Depends, Request

from shared.config import Config
from shared.db import Database
from shared.outbox import Outbox

log = logging.getLogger(__name__)


class Client(Protocol):
    """A connection to something outside, made from the settings on first use and closed with the function."""

    @classmethod
    def from_config(cls, config: Config) -> Self: ...

    async def close(self) -> None: ...


C = TypeVar("C", bound=Client)


class Context:
    """One per process."""

    def __init__(self, name: str, config: Config) -> None:
        self.name = name
        self.service = name.split("-")[0]
        self.config = config
        self.database = Database(config.database_url)
        self.outbox = Outbox(name, self.database, config.broker_url, self.spawn)
        self._clients: dict[type, Client] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def client(self, kind: type[C]) -> C:
        """The process's client of a kind. Raises ConfigError when a setting it needs is missing."""
        if kind not in self._clients:
            self._clients[kind] = kind.from_config(self.config)
        client = self._clients[kind]
        assert isinstance(client, kind)
        return client

    def spawn(self, work: Coroutine[Any, Any, None]) -> None:
        """Runs work that no request waits for; a failure is logged, and `close` waits for it."""
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._finished)

    async def close(self, grace_seconds: float) -> None:
        """Waits for spawned work, cancels what is not done after the grace, then closes clients and database."""
        deadline = asyncio.get_running_loop().time() + grace_seconds
        while self._tasks:  # what is waited for may spawn more
            left = deadline - asyncio.get_running_loop().time()
            _, late = await asyncio.wait(self._tasks, timeout=max(left, 0))
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for client in self._clients.values():
            await client.close()
        await self.outbox.close()
        await self.database.close()

    def _finished(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.error("background work failed", exc_info=error)


def _context(request: Request) -> Context:
    context: Context = request.app.state.context
    return context


Ctx = Annotated[Context, Depends(_context)]

"""A function served over real HTTP in the test's own event loop, and people who call it."""

import asyncio
import importlib
import socket
import sys
from dataclasses import dataclass, field
from urllib.parse import quote
from uuid import UUID, uuid4

import httpx
from uvicorn import Config, Server

from shared.context import Context
from shared.events import CloudEvent


@dataclass(frozen=True)
class Person:
    """Somebody who calls: the headers of the development mode."""

    roles: tuple[str, ...] = ("EMPLOYEE",)
    department: str | None = None
    id: UUID = field(default_factory=uuid4)

    @property
    def headers(self) -> dict[str, str]:
        """What this person sends with every request."""
        department = {"X-User-Department": quote(self.department)} if self.department else {}
        return {"X-User-UUID": str(self.id), "X-User-Roles": ",".join(self.roles), **department}


class FunctionClient:
    """One running function: its HTTP interface, and its context for what a test has to look at behind it."""

    def __init__(self, name: str, server: Server, listener: socket.socket) -> None:
        self.name = name
        self.context: Context = server.config.app.state.context  # type: ignore[union-attr]
        self.url = f"http://127.0.0.1:{listener.getsockname()[1]}"
        self.http = httpx.AsyncClient(base_url=self.url, timeout=20)
        self._server = server
        self._running = asyncio.create_task(server.serve(sockets=[listener]))

    async def deliver(self, event: CloudEvent) -> httpx.Response:
        """Delivers an event as the broker does."""
        return await self.http.post("/_events", headers=event.headers(), content=event.body())

    async def close(self) -> None:
        """Stops the function as SIGTERM would: open requests end, spawned work is waited for."""
        self._server.should_exit = True
        await self._running
        await self.http.aclose()


async def serve(name: str, module_name: str | None = None) -> FunctionClient:
    """Imports the function's main module anew, so that it reads the environment as it is now, and serves it."""
    service, group = name.split("-", 1)
    module_name = module_name or f"functions.{service}.{group}.main"
    sys.modules.pop(module_name, None)
    api = importlib.import_module(module_name).api
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen()
    config = Config(api, lifespan="on", log_config=None, access_log=False, timeout_graceful_shutdown=5)
    client = FunctionClient(name, Server(config), listener)
    health = f"/api/{service}/{group}/healthz"
    (await client.http.get(health)).raise_for_status()
    return client

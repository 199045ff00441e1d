"""HTTP apps served inside the platform's own process."""

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import uvicorn
from starlette.types import ASGIApp

_GRACEFUL_SECONDS = 3


class _Server(uvicorn.Server):
    """A server that leaves the signals to the platform."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def serving(app: ASGIApp, listener: socket.socket) -> AsyncIterator[None]:
    """Serves an app on a listening socket while the block runs; open streams have three seconds to end."""
    config = uvicorn.Config(
        app,
        http="httptools",
        loop="asyncio",
        ws="none",
        proxy_headers=False,  # nobody stands in front of it
        lifespan="off",
        log_config=None,
        access_log=False,
        date_header=False,  # a function sets its own
        server_header=False,
        timeout_graceful_shutdown=_GRACEFUL_SECONDS,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve(sockets=[listener]))
    try:
        yield  # the socket listens already: who comes early waits in its backlog
    finally:
        server.should_exit = True
        await task

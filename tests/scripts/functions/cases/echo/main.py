"""A function for the tests of the platform: answers, streams, and waits to be told."""

import asyncio
import os
from collections.abc import AsyncIterator

from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse

api = FastAPI()
PREFIX = "/api/cases/echo"
gates: dict[str, asyncio.Event] = {}
left: list[str] = []


def gate(name: str) -> asyncio.Event:
    return gates.setdefault(name, asyncio.Event())


@api.get(f"{PREFIX}/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@api.get(f"{PREFIX}/pid")
async def pid() -> int:
    return os.getpid()


@api.get(f"{PREFIX}/environ")
async def environ() -> dict[str, str]:
    return dict(os.environ)


@api.api_route(f"{PREFIX}/mirror/{{rest:path}}", methods=["GET", "POST", "PUT"])
async def mirror(request: Request) -> dict[str, object]:
    body = await request.body()
    return {
        "raw_path": request.scope["raw_path"].decode(),
        "query": request.url.query,
        "headers": dict(request.headers),
        "size": len(body),
    }


@api.get(f"{PREFIX}/wait/{{name}}")
async def wait(name: str) -> int:
    await gate(name).wait()
    return os.getpid()


@api.post(f"{PREFIX}/open/{{name}}")
async def open_gate(name: str) -> None:
    gate(name).set()


@api.get(f"{PREFIX}/stream/{{name}}")
async def stream(name: str) -> StreamingResponse:
    """One piece at once; the next when the gate opens; tells of a client that left."""

    async def pieces() -> AsyncIterator[str]:
        try:
            yield "data: first\n\n"
            await gate(name).wait()
            yield "data: second\n\n"
        except asyncio.CancelledError:
            left.append(name)
            raise

    return StreamingResponse(pieces(), media_type="text/event-stream")


@api.get(f"{PREFIX}/left")
async def who_left() -> list[str]:
    return left


@api.post("/_events", status_code=204)
async def events() -> None:
    return None

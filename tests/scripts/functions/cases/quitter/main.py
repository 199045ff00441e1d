"""A function that exits in the middle of a request."""

import os
from collections.abc import AsyncIterator

from fastapi import FastAPI
from fastapi.responses import StreamingResponse

api = FastAPI()
PREFIX = "/api/cases/quitter"


@api.get(f"{PREFIX}/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@api.get(f"{PREFIX}/quit")
async def quit_now() -> None:
    os.write(1, b"leaving without an answer\n")
    os._exit(3)


@api.get(f"{PREFIX}/half")
async def half() -> StreamingResponse:
    async def pieces() -> AsyncIterator[str]:
        yield "half"
        os._exit(3)

    return StreamingResponse(pieces())

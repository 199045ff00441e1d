"""A function that does not start any more once the book of events exists."""

import asyncio
import os
from pathlib import Path

from fastapi import FastAPI

if Path(os.environ["EVENTS_BOOK"]).exists():
    raise RuntimeError("not again")

api = FastAPI()
PREFIX = "/api/cases/fickle"


@api.get(f"{PREFIX}/healthz")
async def healthz() -> dict[str, str]:
    return {"status": "ok"}


@api.get(f"{PREFIX}/pid")
async def pid() -> int:
    return os.getpid()


@api.get(f"{PREFIX}/wait")
async def wait() -> None:
    await asyncio.Event().wait()

"""A function whose process ends while it starts."""

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI


@asynccontextmanager
async def lifespan(_: FastAPI) -> AsyncIterator[None]:
    os.write(1, b"going down while starting\n")
    os._exit(7)
    yield


api = FastAPI(lifespan=lifespan)

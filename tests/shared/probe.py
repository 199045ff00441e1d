"""A function of the tests' own, in the schema `quiz`: one endpoint for each promise that every function makes."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, FastAPI, Response
from fastapi.sse import EventSourceResponse
from pydantic import BaseModel, Field

from shared.auth import Employee, Principal, Role, allow
from shared.context import Context, Ctx
from shared.db import Query, Tx
from shared.errors import conflict
from shared.etags import ExpectedRevision, etag
from shared.events import MINUTE_PASSED, CloudEvent
from shared.function import create_api, event_target, http_target, minute_passed
from shared.idempotency import Idempotent
from shared.ids import uuid7
from shared.sse import Sse, event_stream
from tests.processes import until

router = APIRouter()
add_key = Query[None](
    None, "INSERT INTO quiz.inbox (consumer, source, event_id) VALUES ('probe', 'test', %(id)s)", id=str
)
count_keys = Query(int, "SELECT count(*) FROM quiz.inbox WHERE consumer = 'probe'")


class Thing(BaseModel):
    id: UUID = Field(default_factory=uuid7)
    name: Annotated[str, Field(min_length=1, max_length=10)]


@router.post("")
async def create(body: Thing, session: Tx, me: Employee, context: Ctx, once: Idempotent) -> Response:
    async def work() -> Thing:
        await session.run(add_key, id=str(uuid7()))
        await context.outbox.add(session, "baeum.quiz.thing.created", body.id, {"name": body.name})
        return body

    return await once.answer(session, me, work)


@router.post("/half")
async def half(session: Tx, _: Employee, context: Ctx) -> None:
    await session.run(add_key, id="half")
    await context.outbox.add(session, "baeum.quiz.thing.created", uuid7(), {})
    raise conflict("thing.refused", "안 됩니다.")


@router.get("/count")
async def count(session: Tx, _: Employee) -> int:
    return await session.one(count_keys)


@router.put("/edited")
async def edit(revision: ExpectedRevision, _: Employee, response: Response) -> int:
    response.headers["ETag"] = etag(revision + 1)
    return revision


@router.get("/admin")
async def admin(me: Annotated[Principal, allow(Role.SYSTEM_ADMIN)]) -> UUID:
    return me.id


@router.get("/bug")
async def bug(_: Employee) -> None:
    raise ZeroDivisionError


@router.get("/by-id/{identifier}")
async def by_id(identifier: UUID, _: Employee) -> UUID:
    return identifier


@router.get("/stream")
async def stream(_: Employee) -> EventSourceResponse:
    async def events() -> AsyncIterator[Sse]:
        for number in range(3):
            yield Sse("delta", {"text": f"조각 {number}\u2028"}, str(number))
        raise conflict("thing.broken", "끊겼습니다.")

    return event_stream(events())


@router.get("/gate")
async def gate(path: str, _: Employee) -> EventSourceResponse:
    """Streams one piece, and the second when a file has appeared."""

    async def events() -> AsyncIterator[Sse]:
        yield Sse("delta", {"text": "첫 조각"})
        await asyncio.to_thread(until, Path(path).exists)
        yield Sse("done", {})

    return event_stream(events())


@router.get("/slow")
async def slow(_: Employee, context: Ctx) -> str:
    async def afterwards() -> None:
        await asyncio.sleep(0)
        async with context.database.transaction() as session:
            await session.run(add_key, id="afterwards")

    context.spawn(afterwards())
    return "ok"


async def on_event(event: CloudEvent, context: Context) -> None:
    async with context.database.transaction() as session:
        if await context.outbox.first_time(session, event):
            await session.run(add_key, id=f"{event.id}-effect")


api: FastAPI = create_api("quiz-probe", router, {"baeum.quiz.thing.created": on_event, MINUTE_PASSED: minute_passed})
http = http_target(api)
event = event_target(api)

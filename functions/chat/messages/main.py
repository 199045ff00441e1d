"""Questions and their answers: asked, streamed, taken up again, stopped, retried and rated."""

from typing import Annotated, Any
from uuid import UUID

from fastapi import APIRouter, Depends, Header, Response
from fastapi.responses import JSONResponse

from functions.chat.messages import generation, service
from functions.chat.messages.live import Lives
from functions.chat.messages.schemas import FeedbackChange, Question, TurnWithAnswers
from functions.chat.messages.service import Begun
from functions.chat.messages.stream import Place, follow
from functions.chat.turns import Feedback
from shared.auth import Employee
from shared.context import Context, Ctx
from shared.db import Tx
from shared.errors import Problem
from shared.function import create_api, http_target
from shared.idempotency import Idempotent
from shared.sse import event_stream

router = APIRouter()
lives: Lives = {}  # those of this process


STREAMED: dict[int | str, dict[str, Any]] = {200: {"content": {"text/event-stream": {}}}}


def _wants_events(accept: Annotated[str, Header()] = "") -> bool:
    return "text/event-stream" in accept


WantsEvents = Annotated[bool, Depends(_wants_events)]


@router.post("", status_code=201, response_model=TurnWithAnswers, responses=STREAMED)
async def ask(question: Question, me: Employee, context: Ctx, once: Idempotent, wants_events: WantsEvents) -> Response:
    """Asks a question: answered as server-sent events when they are accepted, or as JSON when the answer is finished.

    A repeat with the same Idempotency-Key follows the answer that the first request began.
    """
    async with context.database.transaction() as session:
        begun = await service.ask(session, me, question, once)
    return await _answer(context, begun, wants_events, status=201)


@router.get("/{turn_id}")
async def read(turn_id: UUID, me: Employee, tx: Tx) -> TurnWithAnswers:
    """A turn with all its answers."""
    return await service.read(tx, me, turn_id)


@router.get("/{turn_id}/stream", response_class=Response, responses=STREAMED)
async def resume(
    turn_id: UUID,
    me: Employee,
    context: Ctx,
    last_event_id: Annotated[str | None, Header()] = None,
    after: str | None = None,
) -> Response:
    """Streams the newest answer from its beginning, or goes on after the event of `Last-Event-ID` or `after`."""
    place = Place.parse(given) if (given := last_event_id or after) else None
    async with context.database.transaction() as session:
        begun = await service.find(session, me, turn_id, place.generation_id if place else None)
    return event_stream(follow(context.database, lives, begun, place.number if place else None))


@router.post("/{turn_id}/stop")
async def stop(turn_id: UUID, me: Employee, context: Ctx) -> TurnWithAnswers:
    """Stops the answer that is being generated, wherever that is; what has been streamed of it is kept."""
    async with context.database.transaction() as session:
        begun = await service.find(session, me, turn_id)
    await generation.stop(context, lives, begun.generation.id)
    async with context.database.transaction() as session:
        return await service.read(session, me, turn_id)


@router.post("/{turn_id}/retry", response_model=TurnWithAnswers, responses=STREAMED)
async def retry(turn_id: UUID, me: Employee, context: Ctx, wants_events: WantsEvents) -> Response:
    """Answers again after a failure or a stop."""
    async with context.database.transaction() as session:
        begun = await service.retry(session, me, turn_id)
    return await _answer(context, begun, wants_events)


@router.post("/{turn_id}/regenerate", response_model=TurnWithAnswers, responses=STREAMED)
async def regenerate(turn_id: UUID, me: Employee, context: Ctx, wants_events: WantsEvents) -> Response:
    """Answers again beside the finished answer, which is kept."""
    async with context.database.transaction() as session:
        begun = await service.regenerate(session, me, turn_id)
    return await _answer(context, begun, wants_events)


@router.put("/{turn_id}/feedback")
async def put_feedback(turn_id: UUID, change: FeedbackChange, me: Employee, tx: Tx) -> Feedback:
    """Says what the caller thinks of an answer."""
    return await service.put_feedback(tx, me, turn_id, change)


@router.delete("/{turn_id}/feedback", status_code=204)
async def delete_feedback(turn_id: UUID, me: Employee, tx: Tx, generation_id: UUID | None = None) -> None:
    """Takes it back."""
    await service.delete_feedback(tx, me, turn_id, generation_id)


async def _answer(context: Context, begun: Begun, wants_events: bool, status: int = 200) -> Response:
    if begun.job is not None:
        generation.start(context, lives, begun.job)
    events = follow(context.database, lives, begun)
    if wants_events:
        return event_stream(events)
    async for _ in events:
        pass
    async with context.database.transaction() as session:
        outcome = await service.outcome(session, begun)
    response = _json(outcome, status)
    response.headers["Location"] = f"/api/chat/messages/{begun.turn.id}"  # also of a failure, to be retried there
    return response


def _json(outcome: TurnWithAnswers | Problem, status: int) -> Response:
    if isinstance(outcome, Problem):
        return outcome.response()
    return JSONResponse(outcome.model_dump(mode="json"), status)


api = create_api("chat-messages", router)
http = http_target(api)

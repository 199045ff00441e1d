"""`/v1/search`, `/v1/answers` and `/v1/titles`."""

from dataclasses import asdict
from typing import Annotated, Any

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints
from starlette.responses import Response

from llm_host.answers.guard import mask
from llm_host.answers.title import title_of
from llm_host.answers.turn import Question
from llm_host.engines.engine import Exchange
from llm_host.host import HostOf
from shared.sse import event_stream

router = APIRouter()

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]
QuestionText = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1, max_length=4000)]
AnswerText = Annotated[str, StringConstraints(max_length=20_000)]


class SearchRequest(BaseModel):
    """What to search for, as whom, and where; no domains means all."""

    model_config = ConfigDict(extra="forbid")

    query: QuestionText
    department: Name | None = None
    domains: Annotated[list[Name], Field(max_length=50)] = []
    limit: Annotated[int, Field(ge=1, le=30)] = 10


class PastExchange(BaseModel):
    """An earlier question and its answer."""

    question: QuestionText
    answer: AnswerText


class AnswerRequest(BaseModel):
    """A question, what was said before (oldest first), as whom, and where."""

    model_config = ConfigDict(extra="forbid")

    question: QuestionText
    history: Annotated[list[PastExchange], Field(max_length=20)] = []
    department: Name | None = None
    domains: Annotated[list[Name], Field(max_length=50)] = []
    stream: bool = True


class TitleRequest(BaseModel):
    """An exchange to be named."""

    model_config = ConfigDict(extra="forbid")

    question: QuestionText
    answer: AnswerText = ""


@router.post("/search")
async def search(request: SearchRequest, host: HostOf) -> dict[str, Any]:
    """Ranked passages; whether they are evidence for an answer is not asked here."""
    query = mask(request.query).searchable
    found = await host.retriever.search(query, request.department, request.domains, request.limit)
    return {"passages": [asdict(passage) for passage in found.passages]}


@router.post("/answers", response_model=None)
async def answer(request: AnswerRequest, host: HostOf) -> Response | dict[str, Any]:
    """An answer from the documents, as a stream of events or as a whole."""
    history = [Exchange(each.question, each.answer) for each in request.history]
    events = host.answerer.answer(Question(request.question, history, request.department, request.domains))
    if request.stream:
        return event_stream(events)
    whole: dict[str, Any] = {"text": ""}
    async for event in events:
        if event.event == "delta":
            whole["text"] += event.data["text"]
        elif event.event == "sources":
            whole["sources"] = event.data["passages"]
        else:
            whole[event.event] = event.data
    return whole


@router.post("/titles")
async def title(request: TitleRequest, host: HostOf) -> dict[str, str]:
    """A few words that name an exchange."""
    return {"title": await title_of(host.engine, request.question, request.answer)}

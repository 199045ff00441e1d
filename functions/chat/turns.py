"""Turns and their answers, as both groups of the service read and show them."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from pydantic import BaseModel

from functions.chat.states import Domain, GenerationState, Rating


@dataclass(frozen=True, slots=True)
class TurnRow:
    id: UUID
    session_id: UUID
    section_id: UUID
    number: int
    question: str
    domains: list[str]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class AnswerRow:
    id: UUID
    turn_id: UUID
    version: int
    state: str
    content: str
    sources: list[dict[str, Any]]
    meta: dict[str, Any]
    error_status: int | None
    error_code: str | None
    error_detail: str | None
    created_at: datetime
    finished_at: datetime | None
    rating: str | None
    comment: str | None
    rated_at: datetime | None


class Source(BaseModel):
    """A passage that an answer was built on; `[number]` in the answer's text points to it.

    `snippet` is the part that matters most; lists leave out the whole `text`.
    """

    number: int
    chunk_id: str
    document_id: UUID
    version_id: UUID
    title: str
    version: int
    page: int | None = None
    heading: str | None = None
    clause: str | None = None
    snippet: str
    text: str | None = None
    score: float


class Failure(BaseModel):
    """Why there is no answer: a stable code, and a sentence for a person."""

    code: str
    detail: str


class Feedback(BaseModel):
    """What the person who asked thinks of an answer."""

    rating: Rating
    comment: str | None
    updated_at: datetime


class Answer(BaseModel):
    """An answer, finished or not. `meta`: engine, model, intent, grounded, cited, finish_reason, tokens and milliseconds."""

    id: UUID
    version: int
    state: GenerationState
    content: str
    sources: list[Source]
    meta: dict[str, Any]
    failure: Failure | None
    feedback: Feedback | None
    created_at: datetime
    finished_at: datetime | None


class Turn(BaseModel):
    """A question with its newest answer, and how many answers were begun."""

    id: UUID
    session_id: UUID
    section_id: UUID
    number: int
    question: str
    domains: list[Domain]
    created_at: datetime
    answer: Answer
    answer_count: int


def turn(row: TurnRow, newest: AnswerRow) -> Turn:
    """A turn as it is shown."""
    return Turn(
        id=row.id,
        session_id=row.session_id,
        section_id=row.section_id,
        number=row.number,
        question=row.question,
        domains=[Domain(domain) for domain in row.domains],
        created_at=row.created_at,
        answer=answer(newest),
        answer_count=newest.version,
    )


def answer(row: AnswerRow) -> Answer:
    """An answer as it is shown."""
    return Answer(
        id=row.id,
        version=row.version,
        state=GenerationState(row.state),
        content=row.content,
        sources=[Source.model_validate(source) for source in row.sources],
        meta=row.meta,
        failure=Failure(code=row.error_code, detail=row.error_detail or "") if row.error_code else None,
        feedback=_feedback(row),
        created_at=row.created_at,
        finished_at=row.finished_at,
    )


def _feedback(row: AnswerRow) -> Feedback | None:
    if row.rating is None or row.rated_at is None:
        return None
    return Feedback(rating=Rating(row.rating), comment=row.comment, updated_at=row.rated_at)

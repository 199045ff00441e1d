"""What is asked of the group and what it answers, beyond the turns of functions/chat/turns.py."""

from typing import Annotated
from uuid import UUID

from pydantic import BaseModel, Field

from functions.chat.states import Domain, Rating
from functions.chat.texts import Comment, QuestionText
from functions.chat.turns import Answer, Turn


class Question(BaseModel):
    """A question: in the session's newest section unless one is named; `domains` empty looks everywhere."""

    session_id: UUID
    section_id: UUID | None = None
    content: QuestionText
    domains: Annotated[list[Domain], Field(max_length=10)] = []


class TurnWithAnswers(Turn):
    """A turn with all its answers, oldest first."""

    answers: list[Answer]


class FeedbackChange(BaseModel):
    """What to think of an answer: the newest one unless one is named."""

    rating: Rating
    comment: Comment | None = None
    generation_id: UUID | None = None

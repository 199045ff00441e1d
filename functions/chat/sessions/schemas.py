"""What is asked of the group and what it answers, beyond the turns of functions/chat/turns.py."""

from datetime import datetime
from uuid import UUID

from pydantic import BaseModel

from functions.chat.states import TitleState
from functions.chat.texts import Title


class NewSession(BaseModel):
    """A conversation; without a title it gets one from its first answer."""

    title: Title | None = None


class NewSection(BaseModel):
    """A topic within a conversation."""

    title: Title | None = None


class TitleChange(BaseModel):
    """Another title."""

    title: Title


class Section(BaseModel):
    """A topic within a conversation. `etag` is what If-Match wants when it is edited."""

    id: UUID
    number: int
    title: str
    etag: str
    created_at: datetime


class Session(BaseModel):
    """A conversation. `etag` is what If-Match wants when it is edited."""

    id: UUID
    title: str
    title_state: TitleState
    etag: str
    created_at: datetime
    active_at: datetime


class SessionWithSections(Session):
    """A conversation with its topics, oldest first."""

    sections: list[Section]


class TurnCompleted(BaseModel):
    """The data of `baeum.chat.turn.completed`, as far as a title needs it."""

    session_id: UUID
    question: str
    answer: str

"""The schema `chat`: sessions of sections of turns; a turn is a question, its generations are the answers to it."""

from datetime import datetime
from typing import Any, ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, ForeignKeyConstraint, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from functions.chat.states import GenerationState, Rating, TitleState
from shared.tables import add_platform_tables, initially, json, moment, one_of

SCHEMA = {"schema": "chat"}

add_platform_tables(SQLModel.metadata, "chat")


class ChatSession(SQLModel, table=True):
    """A conversation of one person."""

    __tablename__: ClassVar[str] = "session"
    __table_args__ = (
        one_of("session_title_state", "title_state", TitleState),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="session_title_length"),
        Index("session_list", "owner", "active_at", "id", postgresql_where=text("deleted_at IS NULL")),
        SCHEMA,
    )
    id: UUID = Field(primary_key=True)
    owner: UUID
    title: str
    title_state: str = initially("DEFAULT")
    revision: int = initially("1")
    created_at: datetime = moment(now=True)
    active_at: datetime = moment(now=True)
    deleted_at: datetime | None = moment(nullable=True)


class Section(SQLModel, table=True):
    """A topic within a session: what is asked in it is understood from its own turns, and from no other section's."""

    __tablename__: ClassVar[str] = "section"
    __table_args__ = (
        UniqueConstraint("session_id", "number", name="section_number"),
        UniqueConstraint("id", "session_id", name="section_of_session"),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="section_title_length"),
        SCHEMA,
    )
    id: UUID = Field(primary_key=True)
    session_id: UUID = Field(foreign_key="chat.session.id")
    number: int
    title: str
    revision: int = initially("1")
    created_at: datetime = moment(now=True)


class Turn(SQLModel, table=True):
    """A question; `number` orders the turns of a session. `request_key` is the Idempotency-Key it came with.

    `domains` narrows where the answer is looked for (empty: everywhere); it is kept for the answers that come later.
    """

    __tablename__: ClassVar[str] = "turn"
    __table_args__ = (
        ForeignKeyConstraint(["section_id", "session_id"], ["chat.section.id", "chat.section.session_id"]),
        UniqueConstraint("session_id", "number", name="turn_number"),
        UniqueConstraint("owner", "request_key", name="turn_request_key"),
        CheckConstraint("length(question) BETWEEN 1 AND 4000", name="turn_question_length"),
        Index("turn_section", "section_id", "number"),
        SCHEMA,
    )
    id: UUID = Field(primary_key=True)
    session_id: UUID = Field(foreign_key="chat.session.id")
    section_id: UUID
    owner: UUID
    number: int
    question: str
    domains: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    request_key: str | None
    request_hash: bytes | None
    created_at: datetime = moment(now=True)


class Generation(SQLModel, table=True):
    """An answer to a turn's question. While it is live, `lease_until` says until when its process is known to be alive.

    `error_status`, `error_code` and `error_detail` are the problem that a FAILED one ended with.
    """

    __tablename__: ClassVar[str] = "generation"
    __table_args__ = (
        one_of("generation_state", "state", GenerationState),
        UniqueConstraint("turn_id", "version", name="generation_version"),
        CheckConstraint(
            "(state = 'FAILED') = (num_nonnulls(error_status, error_code, error_detail) = 3)", name="generation_error"
        ),
        Index(
            "generation_live",
            "turn_id",
            unique=True,
            postgresql_where=text("state IN ('PENDING', 'STREAMING')"),
        ),
        Index("generation_lease", "lease_until", postgresql_where=text("state IN ('PENDING', 'STREAMING')")),
        SCHEMA,
    )
    id: UUID = Field(primary_key=True)
    turn_id: UUID = Field(foreign_key="chat.turn.id")
    version: int
    state: str = initially("PENDING")
    content: str = initially("")
    sources: list[dict[str, Any]] = json()
    meta: dict[str, Any] = json()
    error_status: int | None
    error_code: str | None
    error_detail: str | None
    lease_until: datetime = moment()
    created_at: datetime = moment(now=True)
    finished_at: datetime | None = moment(nullable=True)


class GenerationEvent(SQLModel, table=True):
    """What was streamed, in order, so that a lost connection can be taken up again."""

    __tablename__: ClassVar[str] = "generation_event"
    __table_args__ = (SCHEMA,)
    generation_id: UUID = Field(primary_key=True, foreign_key="chat.generation.id")
    number: int = Field(primary_key=True)
    kind: str
    data: dict[str, Any] = json()


class Feedback(SQLModel, table=True):
    """What the owner of a session thinks of an answer; at most one per answer."""

    __tablename__: ClassVar[str] = "feedback"
    __table_args__ = (
        one_of("feedback_rating", "rating", Rating),
        CheckConstraint("length(comment) <= 500", name="feedback_comment_length"),
        SCHEMA,
    )
    generation_id: UUID = Field(primary_key=True, foreign_key="chat.generation.id")
    rating: str
    comment: str | None
    updated_at: datetime = moment(now=True)

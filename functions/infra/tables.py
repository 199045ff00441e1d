"""The schema `infra`: documents, their versions with two life cycles (processing, review), chunks and history."""

from datetime import datetime
from typing import ClassVar
from uuid import UUID

from sqlalchemy import CheckConstraint, Column, Index, Text, UniqueConstraint, text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field, SQLModel

from functions.infra.states import Action, Domain, ProcessingState, ReviewState
from shared.tables import add_platform_tables, initially, moment, one_of

SCHEMA = {"schema": "infra"}

add_platform_tables(SQLModel.metadata, "infra")


class Document(SQLModel, table=True):
    """Something people ask about, through all its versions."""

    __tablename__: ClassVar[str] = "document"
    __table_args__ = (
        Index("document_list", "created_at", "id", postgresql_where=text("deleted_at IS NULL")),
        SCHEMA,
    )
    id: UUID = Field(primary_key=True)
    owner: UUID
    created_at: datetime = moment(now=True)
    updated_at: datetime = moment(now=True)
    deleted_at: datetime | None = moment(nullable=True)


class DocumentVersion(SQLModel, table=True):
    """One file of a document, with what it is called and who may be answered from it (`departments` empty: everybody).

    `attempt` counts how often the LLM host has taken it; a report of an older one is late. `retries` counts what the platform
    tried again by itself since a person last asked. `removed_at` says that the host holds no vector of it any more.
    """

    __tablename__: ClassVar[str] = "document_version"
    __table_args__ = (
        one_of("version_processing_state", "processing_state", ProcessingState),
        one_of("version_review_state", "review_state", ReviewState),
        one_of("version_domain", "domain", Domain),
        CheckConstraint("length(title) BETWEEN 1 AND 200", name="version_title_length"),
        UniqueConstraint("document_id", "number", name="version_number"),
        UniqueConstraint("object_key", name="version_object_key"),
        CheckConstraint("length(sha256) = 64", name="version_sha256"),
        CheckConstraint("size > 0", name="version_size"),
        CheckConstraint("progress BETWEEN 0 AND 100", name="version_progress"),
        CheckConstraint("(processing_state = 'FAILED') = (failure_code IS NOT NULL)", name="version_failure"),
        Index("version_approved", "document_id", unique=True, postgresql_where=text("review_state = 'APPROVED'")),
        Index("version_unfinished", "processing_state", "updated_at"),
        SCHEMA,
    )
    id: UUID = Field(primary_key=True)
    document_id: UUID = Field(foreign_key="infra.document.id")
    number: int
    title: str
    domain: str
    departments: list[str] = Field(sa_column=Column(ARRAY(Text), nullable=False))
    filename: str
    content_type: str
    size: int
    sha256: str
    change_summary: str | None
    object_key: str
    upload_id: str | None
    object_version: str | None
    object_sequencer: str | None
    created_by: UUID
    processing_state: str = initially("REGISTERED")
    attempt: int = initially("0")
    retries: int = initially("0")
    stage: str | None
    progress: int = initially("0")
    failure_code: str | None
    failure_reason: str | None
    pages: int | None
    characters: int | None
    chunks: int | None
    review_state: str = initially("DRAFT")
    reviewed_by: UUID | None
    review_comment: str | None
    searchable_at: datetime | None = moment(nullable=True)
    removed_at: datetime | None = moment(nullable=True)
    created_at: datetime = moment(now=True)
    updated_at: datetime = moment(now=True)


class DocumentChunk(SQLModel, table=True):
    """A passage of a version as the LLM host has cut it: what a citation points at."""

    __tablename__: ClassVar[str] = "document_chunk"
    __table_args__ = (SCHEMA,)
    version_id: UUID = Field(primary_key=True, foreign_key="infra.document_version.id")
    position: int = Field(primary_key=True)
    attempt: int
    text: str
    page: int | None
    heading: str | None
    clause: str | None


class DocumentHistory(SQLModel, table=True):
    """What happened to a version, and who did it; `actor` is null for the platform itself."""

    __tablename__: ClassVar[str] = "document_history"
    __table_args__ = (
        one_of("history_action", "action", Action),
        Index("history_of_version", "version_id", "at"),
        SCHEMA,
    )
    id: UUID = Field(primary_key=True)
    version_id: UUID = Field(foreign_key="infra.document_version.id")
    action: str
    actor: UUID | None
    detail: str | None
    at: datetime = moment(now=True)

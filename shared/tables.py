"""The tables that every service's schema has: outbox, inbox and idempotency keys. For migrations and tests, not for run time."""

from enum import StrEnum
from typing import Any

from sqlalchemy import (
    CheckConstraint,
    Column,
    DateTime,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import JSONB, UUID
from sqlmodel import Field


def add_platform_tables(metadata: MetaData, schema: str) -> None:
    """Describes `<schema>.outbox`, `<schema>.inbox` and `<schema>.idempotency_key`."""
    Table(
        "outbox",
        metadata,
        Column("id", UUID, primary_key=True),
        Column("source", Text, nullable=False),
        Column("type", Text, nullable=False),
        Column("subject", Text, nullable=False),
        Column("data", JSONB, nullable=False),
        Column("traceparent", Text),
        _now("created_at"),
        Column("attempts", Integer, nullable=False, server_default="0"),
        _now("next_attempt_at"),
        Column("sent_at", DateTime(timezone=True)),
        Index("outbox_due", "next_attempt_at", postgresql_where=text("sent_at IS NULL")),
        schema=schema,
    )
    Table(
        "inbox",
        metadata,
        Column("consumer", Text),
        Column("source", Text),
        Column("event_id", Text),
        _now("received_at"),
        PrimaryKeyConstraint("consumer", "source", "event_id"),
        schema=schema,
    )
    Table(
        "idempotency_key",
        metadata,
        Column("owner", UUID),
        Column("key", Text),
        Column("request_hash", LargeBinary, nullable=False),
        Column("status", Integer),
        Column("body", JSONB),
        _now("created_at"),
        PrimaryKeyConstraint("owner", "key"),
        schema=schema,
    )


def _now(name: str) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=False, server_default=func.now())


def moment(*, nullable: bool = False, now: bool = False) -> Any:  # noqa: ANN401 - what Field returns
    """A point in time, in UTC with its zone; `now` lets the database fill it in."""
    return Field(
        sa_column=Column(DateTime(timezone=True), nullable=nullable, server_default=func.now() if now else None)
    )


def initially(value: str) -> Any:  # noqa: ANN401 - what Field returns
    """A column whose first value the database fills in."""
    return Field(sa_column_kwargs={"server_default": value})


def json() -> Any:  # noqa: ANN401 - what Field returns
    """A JSON document that is never null."""
    return Field(sa_column=Column(JSONB, nullable=False))


def one_of(name: str, column: str, values: type[StrEnum]) -> CheckConstraint:
    """The check that holds a column to the states of an enumeration."""
    return CheckConstraint(f"{column} IN ({', '.join(repr(value.value) for value in values)})", name=name)

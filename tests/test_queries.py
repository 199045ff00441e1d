"""What an ORM would catch: every statement is prepared by PostgreSQL on the migrated schema, and its types are compared."""

import re
from collections.abc import Iterator
from dataclasses import fields, is_dataclass
from datetime import datetime
from enum import StrEnum
from importlib import import_module
from pathlib import Path
from types import NoneType, UnionType
from typing import Any, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import psycopg
import pytest
from psycopg.sql import Composed
from psycopg.types.json import Jsonb

from scripts.local.postgres import Postgres
from scripts.migrate import SERVICES
from shared.db import Query
from shared.idempotency import IdempotencyQueries
from shared.outbox import OutboxQueries
from tests.conftest import TEMPLATE

ROOT = Path(__file__).resolve().parents[1]

# Which PostgreSQL types a Python type is read from and sent as.
TYPES: dict[Any, set[str]] = {
    UUID: {"uuid"},
    str: {"text", "varchar"},
    int: {"int2", "int4", "int8"},
    float: {"float4", "float8"},
    bool: {"bool"},
    bytes: {"bytea"},
    datetime: {"timestamptz"},
    Jsonb: {"jsonb"},
    dict: {"jsonb"},
}


def statements() -> Iterator[Any]:
    """Every statement of the functions, and those that shared runs on each service's schema."""
    for path in sorted(ROOT.glob("functions/*/*/queries*.py")):
        module = import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
        yield from _of(vars(module), str(path.relative_to(ROOT)))
    for service in SERVICES:
        yield from _of(vars(OutboxQueries(service)), f"outbox of {service}")
        yield from _of(vars(IdempotencyQueries(service)), f"idempotency of {service}")


def _of(names: dict[str, Any], place: str) -> Iterator[Any]:
    for name, value in names.items():
        if isinstance(value, Query):
            yield pytest.param(value, id=f"{place}:{name}")


@pytest.mark.parametrize("query", list(statements()))
def test_a_statement_fits_the_schema_and_its_declared_types(query: Query[Any], server: Postgres) -> None:
    with psycopg.connect(server.url(TEMPLATE)) as connection:
        text = query.sql.as_string(connection) if isinstance(query.sql, Composed) else query.sql
        names, numbered = _numbered(text)
        assert names == set(query.parameters), "the statement's parameters and the declared ones"
        result = connection.pgconn.prepare(b"", numbered.encode())
        assert not result.error_message, result.error_message.decode()
        described = connection.pgconn.describe_prepared(b"")
        order = list(dict.fromkeys(re.findall(r"(?<!%)%\((\w+)\)s", text)))
        for position, name in enumerate(order):
            sent = _type_name(connection, described.param_type(position))
            assert _fits(query.parameters[name], sent), f"{name}: {query.parameters[name]} is sent as {sent}"
        columns = [
            ((described.fname(i) or b"").decode(), _type_name(connection, described.ftype(i)))
            for i in range(described.nfields)
        ]
    _check_row(query.row, columns)


def _numbered(text: str) -> tuple[set[str], str]:
    """The statement with `$1` for its named parameters."""
    order = list(dict.fromkeys(re.findall(r"(?<!%)%\((\w+)\)s", text)))
    for position, name in enumerate(order, 1):
        text = text.replace(f"%({name})s", f"${position}")
    return set(order), text.replace("%%", "%")


def _check_row(row: Any, columns: list[tuple[str, str]]) -> None:
    if row is None:
        assert not columns, f"rows nobody reads: {columns}"
    elif is_dataclass(row):
        hints = get_type_hints(row)
        assert [name for name, _ in columns] == [field.name for field in fields(row)]
        for name, kind in columns:
            assert _fits(hints[name], kind), f"{name}: {hints[name]} is read from {kind}"
    else:
        assert len(columns) == 1, f"one value is read from {columns}"
        assert _fits(row, columns[0][1]), f"{row} is read from {columns[0][1]}"


def _type_name(connection: psycopg.Connection[Any], oid: int) -> str:
    found = connection.execute("SELECT typname FROM pg_type WHERE oid = %s", [oid]).fetchone()
    assert found is not None
    return str(found[0])


def _fits(declared: Any, postgres: str) -> bool:
    origin = get_origin(declared)
    if origin in (Union, UnionType):
        (declared,) = (each for each in get_args(declared) if each is not NoneType)
        origin = get_origin(declared)
    if postgres == "jsonb":
        return declared is Jsonb or (origin or declared) in (dict, list)
    if origin is list:
        return postgres.startswith("_") and _fits(get_args(declared)[0], postgres[1:])
    if isinstance(declared, type) and issubclass(declared, StrEnum):
        declared = str
    return postgres in TYPES[declared]


def test_a_renamed_column_would_be_found(server: Postgres) -> None:
    stale = Query(str, "SELECT titel FROM chat.session")
    with pytest.raises(AssertionError, match="titel"):
        test_a_statement_fits_the_schema_and_its_declared_types(stale, server)


def test_a_changed_type_would_be_found(server: Postgres) -> None:
    wrong = Query(int, "SELECT title FROM chat.session WHERE id = %(id)s", id=UUID)
    with pytest.raises(AssertionError, match="is read from"):
        test_a_statement_fits_the_schema_and_its_declared_types(wrong, server)

"""PostgreSQL: statements by name with typed rows, sessions that are one transaction, and a pool small enough for many pods."""

from collections.abc import AsyncIterator, Callable, Hashable, Mapping
from contextlib import asynccontextmanager
from dataclasses import is_dataclass
from typing import Annotated, Any, Generic, LiteralString, TypeVar

import psycopg
from fastapi import Depends, Request
from psycopg.rows import AsyncRowFactory, class_row, scalar_row
from psycopg.sql import Composed
from psycopg.types.json import Jsonb
from psycopg_pool import AsyncConnectionPool, PoolTimeout

from shared.errors import unavailable

Row = TypeVar("Row")

POOL_SIZE = 3  # connections per process at most: pods times this must stay below the server's limit
POOL_WAIT_SECONDS = 5.0


class Query(Generic[Row]):
    """One SQL statement: its text, the type of its rows, and the type of each named parameter.

    `row` is a frozen dataclass, whose fields are the columns in order, or a plain type for a single column, or None for a
    statement without rows. A test has PostgreSQL prepare every statement and compares all types (tests/test_queries.py).
    """

    def __init__(self, row: type[Row] | None, sql: LiteralString | Composed, **parameters: Any) -> None:  # noqa: ANN401 - types
        self.row = row
        self.sql = sql
        self.parameters: Mapping[str, Any] = parameters
        self.row_factory: AsyncRowFactory[Any] = class_row(row) if is_dataclass(row) else scalar_row

    def bind(self, values: Mapping[str, object]) -> dict[str, object]:
        """The values for the wire: JSON wrapped. Raises TypeError when a name is missing or unknown."""
        if values.keys() != self.parameters.keys():
            raise TypeError(f"parameters {sorted(values)} where {sorted(self.parameters)} are declared")
        return {name: Jsonb(value) if self.parameters[name] is Jsonb else value for name, value in values.items()}


class Session:
    """One transaction on one connection; it commits when its block ends and rolls back when the block raises."""

    def __init__(self, connection: psycopg.AsyncConnection[Any]) -> None:
        self._connection = connection
        self.after_commit: dict[Hashable, Callable[[], None]] = {}  # once each, whatever its key

    async def one(self, query: Query[Row], **values: object) -> Row:
        """The only row. Raises LookupError when there is none."""
        row = await self.first(query, **values)
        if row is None:
            raise LookupError("a statement that always has a row had none")
        return row

    async def first(self, query: Query[Row], **values: object) -> Row | None:
        """The first row, or None."""
        async with self._connection.cursor(row_factory=query.row_factory) as cursor:
            await cursor.execute(query.sql, query.bind(values))
            row: Row | None = await cursor.fetchone()
            return row

    async def all(self, query: Query[Row], **values: object) -> list[Row]:
        """Every row, in the statement's order."""
        async with self._connection.cursor(row_factory=query.row_factory) as cursor:
            await cursor.execute(query.sql, query.bind(values))
            return await cursor.fetchall()

    async def run(self, query: Query[None], **values: object) -> int:
        """Runs a statement without rows; the number of rows it changed."""
        return (await self._connection.execute(query.sql, query.bind(values))).rowcount

    async def run_many(self, query: Query[None], values: list[dict[str, object]]) -> None:
        """Runs a statement once per set of values, in one round trip."""
        async with self._connection.cursor() as cursor:
            await cursor.executemany(query.sql, [query.bind(each) for each in values])


class Database:
    """A service's database. The pool opens on first use, so a function that needs no database never connects.

    Nothing in here outlives a transaction (no prepared statements, no session settings): a pooler in transaction mode may
    stand in between.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._pool: AsyncConnectionPool[psycopg.AsyncConnection[Any]] | None = None

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Session]:
        """A session. Raises a 503 problem when the database cannot be reached. Never hold one over a network call."""
        pool = await self._open()
        try:
            async with pool.connection(POOL_WAIT_SECONDS) as connection:
                session = Session(connection)
                yield session
        except (psycopg.OperationalError, PoolTimeout) as error:
            raise unavailable(
                "database.unavailable", "잠시 서비스를 이용할 수 없습니다. 잠시 후 다시 시도해 주세요.", retry_after=5
            ) from error
        for callback in session.after_commit.values():
            callback()

    @property
    def state(self) -> str:
        """`closed` before the first use, then `open` or, with no connection left to give, `busy`."""
        if self._pool is None:
            return "closed"
        return "busy" if self._pool.get_stats().get("requests_waiting") else "open"

    async def close(self) -> None:
        """Closes the pool, if it was ever opened."""
        if self._pool is not None:
            await self._pool.close()

    async def _open(self) -> AsyncConnectionPool[psycopg.AsyncConnection[Any]]:
        if self._pool is None:
            self._pool = AsyncConnectionPool(
                self._url,
                kwargs={"prepare_threshold": None, "connect_timeout": 5},
                min_size=0,
                max_size=POOL_SIZE,
                max_idle=60.0,
                open=False,
            )
            await self._pool.open()
        return self._pool


async def _transaction(request: Request) -> AsyncIterator[Session]:
    async with request.app.state.context.database.transaction() as session:
        yield session


# The transaction of a request: committed after the endpoint has returned and before the first byte of the answer.
Tx = Annotated[Session, Depends(_transaction, scope="function")]

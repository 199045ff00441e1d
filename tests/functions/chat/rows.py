"""What a test looks at, and changes, in the database behind the chat."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from uuid import UUID

import psycopg
from psycopg.sql import SQL, Identifier


async def state_of(url: str, generation_id: str) -> str:
    """The state of an answer."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute("SELECT state FROM chat.generation WHERE id = %s", [generation_id])
        row = await cursor.fetchone()
    assert row is not None
    return str(row[0])


async def until_state(url: str, generation_id: str, state: str, seconds: float = 20) -> None:
    """Waits until an answer has a state. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    while (now := await state_of(url, generation_id)) != state:
        assert time.monotonic() < deadline, f"still {now}, not {state}"
        await asyncio.sleep(0.02)


async def until_stored(url: str, place: str, seconds: float = 20) -> None:
    """Waits until the event with this id is in the database. Raises AssertionError after `seconds`."""
    statement = "SELECT 1 FROM chat.generation_event WHERE generation_id = %s AND number = %s"
    deadline = time.monotonic() + seconds
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while await (await connection.execute(statement, place.split(":"))).fetchone() is None:
            assert time.monotonic() < deadline, f"{place} was not stored"
            await asyncio.sleep(0.02)


async def until_leased(url: str, generation_id: str, seconds: float = 20) -> None:
    """Waits until an answer's lease runs. Raises AssertionError after `seconds`."""
    statement = "SELECT 1 FROM chat.generation WHERE id = %s AND lease_until > now()"
    deadline = time.monotonic() + seconds
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while await (await connection.execute(statement, [generation_id])).fetchone() is None:
            assert time.monotonic() < deadline, "the lease was not renewed"
            await asyncio.sleep(0.02)


async def age(url: str, generation_id: str, column: str, days: int = 1) -> None:
    """Moves a time of an answer into the past."""
    statement = SQL("UPDATE chat.generation SET {0} = {0} - make_interval(days => %s) WHERE id = %s")
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(statement.format(Identifier(column)), [days, generation_id])


async def give_older_id(url: str, generation_id: str, days: int) -> None:
    """Replaces an answer by one that was made days earlier, as its id tells."""
    older = UUID(int=UUID(generation_id).int - (days * 86_400_000 << 80))
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(
            "INSERT INTO chat.generation (id, turn_id, version, state, sources, meta, lease_until, finished_at)"
            " SELECT %s, turn_id, version + 1, state, sources, meta, lease_until, finished_at"
            " FROM chat.generation WHERE id = %s",
            [older, generation_id],
        )
        await connection.execute(
            "UPDATE chat.generation_event SET generation_id = %s WHERE generation_id = %s", [older, generation_id]
        )


async def until_tried(url: str, seconds: float = 20) -> None:
    """Waits until somebody has tried to send the outbox, and has it due again. Raises AssertionError after `seconds`."""
    deadline = time.monotonic() + seconds
    statement = "UPDATE chat.outbox SET next_attempt_at = now() WHERE attempts > 0 AND sent_at IS NULL"
    async with await psycopg.AsyncConnection.connect(url, autocommit=True) as connection:
        while not (await connection.execute(statement)).rowcount:
            assert time.monotonic() < deadline, "nobody tried"
            await asyncio.sleep(0.02)


async def count(url: str, table: str) -> int:
    """How many rows a table has."""
    async with await psycopg.AsyncConnection.connect(url) as connection:
        cursor = await connection.execute(SQL("SELECT count(*) FROM chat.{}").format(Identifier(table)))
        row = await cursor.fetchone()
    assert row is not None
    return int(row[0])


@asynccontextmanager
async def locked(url: str, table: str, row_id: str, *, until_waiting: int, seconds: float = 20) -> AsyncIterator[None]:
    """Holds a row after the block until so many transactions wait for it: they go on at the same moment."""
    waiting = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"
    deadline = time.monotonic() + seconds
    async with await psycopg.AsyncConnection.connect(url) as connection:
        await connection.execute(
            SQL("SELECT 1 FROM chat.{} WHERE id = %s FOR UPDATE").format(Identifier(table)), [row_id]
        )
        yield
        async with await psycopg.AsyncConnection.connect(url, autocommit=True) as watching:
            while (await (await watching.execute(waiting)).fetchone() or (0,))[0] < until_waiting:
                assert time.monotonic() < deadline, "nobody waits"
                await asyncio.sleep(0.02)

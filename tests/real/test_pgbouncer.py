"""The database layer behind a real pooler in transaction mode, where each transaction may meet another server connection."""

import asyncio
import os
import pwd
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit
from uuid import UUID

import psycopg
import pytest

from shared.db import Database, Query
from shared.ids import uuid7
from tests.conftest import StartFunction
from tests.functions.client import Person
from tests.processes import free_port, let_pass, until

pytestmark = pytest.mark.skipif(shutil.which("pgbouncer") is None, reason="needs pgbouncer (Debian: pgbouncer)")

ADD = Query[None](None, "INSERT INTO quiz.inbox (consumer, source, event_id) VALUES ('p', 's', %(id)s)", id=str)
COUNT = Query(int, "SELECT count(*) FROM quiz.inbox WHERE event_id = ANY(%(ids)s)", ids=list[str])
WHERE = Query(int, "SELECT pg_backend_pid() FROM quiz.inbox WHERE %(id)s::uuid IS NOT NULL LIMIT 1", id=UUID)


@pytest.fixture
def pooled_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """The test's database through a pooler that has two server connections for everybody."""
    folder, port = let_pass(tmp_path), free_port()
    direct = urlsplit(database_url)
    (folder / "users.txt").write_text(f'"{direct.username}" "{direct.password}"\n')
    (folder / "pgbouncer.ini").write_text(
        f"[databases]\n* = host=127.0.0.1 port={direct.port}\n[pgbouncer]\nlisten_addr = 127.0.0.1\nlisten_port = {port}\n"
        f"unix_socket_dir =\nauth_type = plain\nauth_file = {folder}/users.txt\n"
        "pool_mode = transaction\ndefault_pool_size = 2\n"
    )
    # As root it refuses to run, like the server.
    user = {"user": pwd.getpwnam("nobody").pw_uid} if os.geteuid() == 0 else {}
    process = subprocess.Popen(["pgbouncer", "-q", str(folder / "pgbouncer.ini")], stderr=subprocess.DEVNULL, **user)
    url = direct._replace(netloc=f"{direct.username}:{direct.password}@127.0.0.1:{port}").geturl()
    until(lambda: answers(url))
    yield url
    process.kill()
    process.wait()


def answers(url: str) -> bool:
    """Whether a database can be reached."""
    try:
        psycopg.connect(url, connect_timeout=2).close()
    except psycopg.OperationalError:
        return False
    return True


async def test_statements_are_never_prepared_on_a_connection_that_somebody_else_gets(pooled_url: str) -> None:
    databases = [Database(pooled_url) for _ in range(4)]
    ids = [str(uuid7()) for _ in range(80)]

    async def work(number: int) -> tuple[int, int | None]:
        async with databases[number % 4].transaction() as session:
            await session.run(ADD, id=ids[number])
            return await session.one(COUNT, ids=[ids[number]]), await session.first(WHERE, id=uuid7())

    seen = await asyncio.gather(*(work(number) for number in range(len(ids))))
    assert {count for count, _ in seen} == {1}
    assert len({backend for _, backend in seen}) == 2
    for database in databases:
        await database.close()


async def test_a_function_keeps_its_promises_behind_it(function: StartFunction, pooled_url: str) -> None:
    probe = await function("quiz-probe", "tests.shared.probe")
    probe.context.database._url = pooled_url
    alice = Person()
    headers = {**alice.headers, "Idempotency-Key": "k"}
    body = {"name": "이름", "id": "0" * 32}
    answered = await asyncio.gather(
        *(probe.http.post("/api/quiz/probe", json=body, headers=headers) for _ in range(12))
    )
    assert {answer.status_code for answer in answered} == {201}
    assert (await probe.http.get("/api/quiz/probe/count", headers=alice.headers)).text == "1"

"""Migrations: up and down on data, one at a time, and never behind the tables."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import psycopg
import psycopg.sql
import pytest
from alembic.util import CommandError

from scripts import migrate
from scripts.local import postgres
from tests.conftest import TEMPLATE, database_environ
from tests.processes import ROOT


@pytest.fixture
def empty(server: postgres.Postgres) -> Iterator[str]:
    """The name of a database without any schema of ours."""
    name = f"migrations_{uuid4().hex}"
    postgres.create_database(server, name)
    yield name
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        connection.execute(psycopg.sql.SQL("DROP DATABASE {} WITH (FORCE)").format(psycopg.sql.Identifier(name)))


def tables(server: postgres.Postgres, database: str, schema: str) -> set[str]:
    """The tables of a schema, without Alembic's own."""
    with psycopg.connect(server.url(database)) as connection:
        found = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = %s", [schema]).fetchall()
    return {name for (name,) in found} - {"alembic_version"}


@pytest.mark.parametrize("service", migrate.SERVICES)
def test_the_migrated_schema_is_what_the_tables_say(service: str, server: postgres.Postgres) -> None:
    migrate.check([service], environ=database_environ(server, TEMPLATE))


@pytest.mark.parametrize("service", migrate.SERVICES)
def test_a_schema_with_rows_goes_all_the_way_down_and_up_again(
    service: str, server: postgres.Postgres, empty: str
) -> None:
    environ = database_environ(server, empty)
    migrate.run([service], environ=environ)
    assert "outbox" in tables(server, empty, service)
    with psycopg.connect(server.url(empty)) as connection:
        insert = psycopg.sql.SQL(
            "INSERT INTO {}.outbox (id, source, type, subject, data) VALUES (%s, '/x', 't', 's', '{{}}')"
        )
        connection.execute(insert.format(psycopg.sql.Identifier(service)), [uuid4()])
    migrate.run([service], target="base", environ=environ)
    assert tables(server, empty, service) == set()
    migrate.run([service], environ=environ)
    migrate.check([service], environ=environ)


def test_rows_survive_a_migration_that_has_nothing_to_do(server: postgres.Postgres, empty: str) -> None:
    environ = database_environ(server, empty)
    migrate.run(["chat"], environ=environ)
    with psycopg.connect(server.url(empty)) as connection:
        connection.execute(
            "INSERT INTO chat.session (id, owner, title) VALUES (%s, %s, '연차 문의')", [uuid4(), uuid4()]
        )
    migrate.run(["chat"], environ=environ)
    with psycopg.connect(server.url(empty)) as connection:
        assert connection.execute("SELECT title FROM chat.session").fetchall() == [("연차 문의",)]


def test_services_are_separable(server: postgres.Postgres, empty: str) -> None:
    migrate.run(["quiz"], environ=database_environ(server, empty))
    assert tables(server, empty, "quiz")
    assert not tables(server, empty, "chat")


def test_a_database_that_is_behind_its_tables_is_reported(server: postgres.Postgres, empty: str) -> None:
    environ = database_environ(server, empty)
    migrate.run(["chat"], environ=environ)
    with psycopg.connect(server.url(empty)) as connection:
        connection.execute("ALTER TABLE chat.session DROP COLUMN title_state")
    with pytest.raises(CommandError, match="title_state"):
        migrate.check(["chat"], environ=environ)


def test_a_change_of_the_tables_becomes_the_next_migration(
    server: postgres.Postgres, empty: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    environ = database_environ(server, empty)
    migrate.run(["chat"], environ=environ)
    with psycopg.connect(server.url(empty)) as connection:
        connection.execute("ALTER TABLE chat.session DROP COLUMN active_at CASCADE")
    shutil.copytree(ROOT / "migrations", tmp_path / "migrations", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setattr(migrate, "_FOLDER", tmp_path / "migrations")
    migrate.revise("chat", "Sessions know when they were active", environ=environ)
    (written,) = (tmp_path / "migrations" / "chat" / "versions").glob("chat_0002_*.py")
    assert "op.add_column" in written.read_text()


def test_several_migrations_at_once_do_the_work_once(server: postgres.Postgres, empty: str) -> None:
    program = "from scripts import migrate; migrate.run(migrate.SERVICES)"
    environ = {**os.environ, **database_environ(server, empty)}
    running = [subprocess.Popen([sys.executable, "-c", program], env=environ, stderr=subprocess.PIPE) for _ in range(3)]
    errors = [process.communicate(timeout=120)[1].decode() for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], errors
    migrate.check(migrate.SERVICES, environ=environ)


def test_a_service_cannot_read_another_services_rows(server: postgres.Postgres, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE baeum_chat")
        connection.execute("SELECT count(*) FROM chat.session")
        with pytest.raises(psycopg.errors.InsufficientPrivilege):
            connection.execute("SELECT count(*) FROM infra.document")

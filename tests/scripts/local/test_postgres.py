"""The embedded PostgreSQL: kept over a restart, safe in a home that nobody else can enter, or the system's own."""

from pathlib import Path

import psycopg
import pytest

from scripts.local import postgres
from tests.processes import let_pass

SYSTEM = sorted(Path("/usr/lib/postgresql").glob("*/bin"))


def write_and_stop(home: Path) -> None:
    """Starts, leaves a row behind, and stops."""
    server = postgres.start(home)
    postgres.create_database(server, "baeum")
    with psycopg.connect(server.url()) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 7 AS seven")
    server.stop()


def test_rows_are_still_there_after_a_restart(tmp_path: Path) -> None:
    write_and_stop(tmp_path)
    server = postgres.start(tmp_path)
    with psycopg.connect(server.url()) as connection:
        assert connection.execute("SELECT seven FROM kept").fetchone() == (7,)
    server.stop()


def test_nobody_gets_in_without_the_password(tmp_path: Path) -> None:
    server = postgres.start(tmp_path)
    with pytest.raises(psycopg.OperationalError):
        psycopg.connect(server.url().replace(server.password, "guess"))
    server.stop()
    assert (tmp_path / "postgres-password").stat().st_mode & 0o777 == 0o600


def test_no_permission_outside_its_own_folder_is_changed(tmp_path: Path) -> None:
    home = tmp_path / "private"
    home.mkdir(mode=0o700)
    before = {folder: folder.stat().st_mode for folder in (home, *home.parents)}
    write_and_stop(home)
    assert {folder: folder.stat().st_mode for folder in before} == before


def test_a_server_left_over_from_a_killed_platform_is_ended_first(tmp_path: Path) -> None:
    left_over = postgres.start(tmp_path)
    server = postgres.start(tmp_path)
    assert left_over.process.wait(20) is not None
    server.stop()


@pytest.mark.skipif(not SYSTEM, reason="needs a PostgreSQL of the system's (Debian: postgresql)")
def test_the_systems_own_programs_can_be_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BAEUM_POSTGRES_BIN", str(SYSTEM[-1]))
    server = postgres.start(tmp_path)
    with psycopg.connect(server.url("postgres")) as connection:
        assert str(connection.info.server_version // 10_000) == SYSTEM[-1].parent.name
    server.stop()


def test_a_start_that_fails_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    let_pass(tmp_path)
    for name in ("initdb", "postgres", "pg_ctl"):
        (tmp_path / name).write_text("#!/bin/sh\necho 'out of order' >&2\nexit 1\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("BAEUM_POSTGRES_BIN", str(tmp_path))
    with pytest.raises(postgres.PostgresError, match="out of order"):
        postgres.start(tmp_path / "home")

"""The folder of a platform."""

import json
from pathlib import Path

import pytest

from scripts.local.home import Home
from scripts.local.parts import StartError
from scripts.local.sockets import listen_near, port_of


def test_secrets_are_made_once_and_only_the_owner_reads_them(tmp_path: Path) -> None:
    made = Home(tmp_path / "a").secrets()
    assert made == Home(tmp_path / "a").secrets()
    assert made != Home(tmp_path / "b").secrets()
    assert (tmp_path / "a" / "secrets.json").stat().st_mode & 0o777 == 0o600


def test_what_people_wrote_is_private_to_the_owner(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    file = home.private_file("broker.sqlite3")
    assert file.stat().st_mode & 0o777 == 0o600
    assert all((home.folder / name).stat().st_mode & 0o777 == 0o700 for name in ("logs", "objects", "llm-host"))


def test_two_platforms_never_share_a_home(tmp_path: Path) -> None:
    with (
        Home(tmp_path).locked(),
        Home(tmp_path).announced("http://localhost:8080"),
        pytest.raises(StartError, match="이미 실행 중입니다: http://localhost:8080"),
        Home(tmp_path).locked(),
    ):
        pass


def test_a_platform_that_was_killed_is_not_taken_for_a_running_one(tmp_path: Path) -> None:
    home = Home(tmp_path)
    with home.locked(), home.announced("http://localhost:8080"):
        assert Home(tmp_path).running_at() == "http://localhost:8080"
        left_behind = (tmp_path / "platform.json").read_text()
    (tmp_path / "platform.json").write_text(left_behind)
    assert home.running_at() is None
    with home.locked():
        assert home.running_at() is None


def test_an_address_stays_the_same_over_a_restart_unless_somebody_took_it(tmp_path: Path) -> None:
    with Home(tmp_path).listen("objects") as first:
        port = port_of(first)
    with Home(tmp_path).listen("objects") as again:
        assert port_of(again) == port
        with Home(tmp_path).listen("objects") as other:
            assert port_of(other) != port
            assert json.loads((tmp_path / "ports.json").read_text()) == {"objects": port_of(other)}


def test_a_taken_port_gives_the_next_free_one() -> None:
    with listen_near(20_080) as first, listen_near(port_of(first)) as second:
        assert port_of(second) > port_of(first)

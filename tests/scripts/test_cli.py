"""What the `baeum` command says and does, apart from `up`."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from scripts import cli
from scripts.local.deliveries import Deliveries
from shared.events import CloudEvent


def baeum(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(cli.app, list(arguments))


@pytest.fixture(autouse=True)
def _wide(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cli.console, "width", 200)


def dead_letter(home: Path, answer: str = "no thanks") -> CloudEvent:
    """An event that a function has refused for good."""
    event = CloudEvent(type="test.thing.poisoned", source="/tests", subject="a thing", data={"text": "한글"})
    deliveries = Deliveries(home / "broker.sqlite3")
    deliveries.accept(event, ["cases-events"], now=0)
    [delivery] = deliveries.due("cases-events", now=1, limit=9)
    deliveries.give_up(delivery, 422, answer)
    deliveries.close()
    return event


def test_every_function_is_listed_with_its_address() -> None:
    listed = baeum("functions").stdout
    assert "chat-messages" in listed
    assert "/api/chat/messages" in listed
    assert "dev.knative.eventing.aws-sqs" in listed


def test_a_dead_letter_is_listed_shown_and_replayed(tmp_path: Path) -> None:
    event = dead_letter(tmp_path)
    where = ("--home", str(tmp_path))

    assert "test.thing.poisoned" in baeum("events", "list", *where).stdout
    shown = baeum("events", "show", "1", *where).stdout
    assert event.id in shown
    assert "한글" in shown
    assert "cases-events: 422, 1번 시도 no thanks" in shown

    assert "1건을 다시 보냅니다" in baeum("events", "replay", "1", *where).stdout
    [owed] = Deliveries(tmp_path / "broker.sqlite3").due("cases-events", now=1e12, limit=9)
    assert (owed.id, owed.attempts) == (event.id, 0)
    assert json.loads(owed.body) == event.data
    assert "배달하지 못한 이벤트가 없습니다" in baeum("events", "list", *where).stdout


@pytest.mark.parametrize("command", ["show", "replay"])
def test_a_number_that_is_not_there_is_said_so(tmp_path: Path, command: str) -> None:
    dead_letter(tmp_path)
    result = baeum("events", command, "7", "--home", str(tmp_path))
    assert result.exit_code == 1
    assert "7번은 배달하지 못한 이벤트에 없습니다" in result.stdout


def test_what_an_answer_says_is_shown_as_it_is(tmp_path: Path) -> None:
    dead_letter(tmp_path, answer="[bold]not markup[/bold] [/]")
    assert "[bold]not markup[/bold] [/]" in baeum("events", "show", "1", "--home", str(tmp_path)).stdout


def test_a_home_without_events_is_said_so(tmp_path: Path) -> None:
    result = baeum("events", "list", "--home", str(tmp_path))
    assert result.exit_code == 1
    assert not (tmp_path / "broker.sqlite3").exists()


@pytest.mark.parametrize("command", [("ps",), ("invoke", "/api/chat/sessions")])
def test_without_a_platform_it_says_how_to_start_one(tmp_path: Path, command: tuple[str, ...]) -> None:
    result = baeum(*command, "--home", str(tmp_path))
    assert result.exit_code == 1
    assert "실행 중인 플랫폼이 없습니다. `baeum up`으로 켜 주세요." in result.stdout

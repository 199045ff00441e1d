"""What a function.toml may say, and how it is told what is wrong with it."""

from pathlib import Path

import pytest

from scripts import catalogue
from scripts.catalogue import CatalogueError, Schedule

GOOD = """
description = "Ask, stream, stop, retry and rate"
profile = "stream"
concurrency = 50
max_scale = 5
timeout_seconds = 600
settings = ["LLM_HOST_URL", "BROKER_URL"]

[events]
takes = ["baeum.llm.document.progressed"]
gives = ["baeum.chat.turn.completed"]

[[schedules]]
cron = "*/5 9-18 * * 1-5"
type = "baeum.platform.minute.passed"

[cold_start]
modules = 520
"""


@pytest.fixture
def root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(catalogue, "ROOT", tmp_path)
    return tmp_path


def written(root: Path, text: str, name: str = "chat/messages") -> Path:
    path = root / "functions" / name / "function.toml"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    return path


def test_everything_that_it_says_is_known(root: Path) -> None:
    function = catalogue.read(written(root, GOOD))
    assert (function.name, function.prefix) == ("chat-messages", "/api/chat/messages")
    assert function.source == "functions/chat/messages/main.py"
    assert (function.profile, function.concurrency, function.max_scale, function.timeout_seconds) == (
        "stream",
        50,
        5,
        600,
    )
    assert function.settings == ("LLM_HOST_URL", "BROKER_URL")
    assert function.takes == ("baeum.llm.document.progressed",)
    assert function.gives == ("baeum.chat.turn.completed",)
    assert function.schedules == (Schedule("*/5 9-18 * * 1-5", "baeum.platform.minute.passed"),)
    assert function.modules == 520


def test_what_is_optional_may_be_missing(root: Path) -> None:
    function = catalogue.read(written(root, GOOD.partition("[events]")[0]))
    assert (function.takes, function.gives, function.schedules, function.modules) == ((), (), (), None)


@pytest.mark.parametrize(
    ("said", "instead", "words"),
    [
        ("concurrency", "concurency", "unknown key concurency (the closest known one is concurrency)"),
        ("takes", "take", "unknown key events.take (the closest known one is events.takes)"),
        ("cron =", "corn =", "unknown key schedules.corn (the closest known one is schedules.cron)"),
        ("modules", "models", "unknown key cold_start.models (the closest known one is cold_start.modules)"),
        ('profile = "stream"\n', "", "profile is missing"),
        ('"stream"', '"streaming"', "profile 'streaming' is none of interactive, stream, event"),
        ("= 50", '= "50"', "concurrency must be of type int, not str"),
        ("= 50", "= true", "concurrency must be of type int, not bool"),
        ("= 5\n", "= 0\n", "max_scale must be at least 1"),
        ('"LLM_HOST_URL"', '"BROKER_URL"', "settings names something twice"),
        ('"LLM_HOST_URL"', "7", "settings must be a list of strings"),
        ("9-18", "9-28", "schedules.cron '*/5 9-28 * * 1-5': Bad hour"),
        ("*/5 9-18", "9-18", "schedules.cron '9-18 * * 1-5' does not have five fields"),
        ("[events]", "[events", "Expected"),
    ],
)
def test_a_mistake_is_named_with_its_file(root: Path, said: str, instead: str, words: str) -> None:
    assert said in GOOD
    path = written(root, GOOD.replace(said, instead, 1))
    with pytest.raises(CatalogueError) as caught:
        catalogue.read(path)
    assert str(caught.value).startswith("functions/chat/messages/function.toml: ")
    assert words in str(caught.value)


def test_all_functions_of_a_folder_come_by_name(root: Path) -> None:
    for name in ("infra/ingest", "chat/sessions", "chat/messages"):
        written(root, GOOD, name)
    names = [function.name for function in catalogue.read_all(root / "functions")]
    assert names == ["chat-messages", "chat-sessions", "infra-ingest"]


def test_the_functions_of_this_project_can_be_read() -> None:
    for function in catalogue.read_all():
        assert (catalogue.ROOT / function.source).exists()

"""Every event has somebody who sends it and somebody who takes it, and function.toml says so truly."""

import re
from importlib import import_module

import pytest

from scripts import catalogue
from scripts.catalogue import ROOT, Function

FUNCTIONS = catalogue.read_all()
TYPE = re.compile(r'"(baeum\.[a-z_]+\.[a-z_]+\.[a-z_]+)"')
FROM_OUTSIDE = {"dev.knative.eventing.aws-sqs"}  # S3's notifications, by way of SQS


def named_in(folder: str) -> set[str]:
    """The event types that the sources of a folder name."""
    return {found for path in (ROOT / folder).rglob("*.py") for found in TYPE.findall(path.read_text())}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_takes_what_its_manifest_says(function: Function, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in {"APP_ENV": "test", "AUTH_MODE": "dev"}.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv(f"{function.service.upper()}_DATABASE_URL", "postgresql://nowhere/none")
    handlers = import_module(f"functions.{function.service}.{function.group}.main").api.state.handlers
    assert set(handlers) == {*function.takes, *(schedule.type for schedule in function.schedules)}


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda function: function.name)
def test_a_function_gives_what_its_manifest_says(function: Function) -> None:
    scheduled = {schedule.type for schedule in function.schedules}
    named = named_in(f"functions/{function.service}/{function.group}")
    assert named - set(function.takes) - scheduled == set(function.gives) - set(function.takes)


def test_every_event_that_is_taken_is_given_by_somebody() -> None:
    taken = {each for function in FUNCTIONS for each in function.takes}
    given = {each for function in FUNCTIONS for each in function.gives} | named_in("llm_host")
    scheduled = {schedule.type for function in FUNCTIONS for schedule in function.schedules}
    assert taken - given - scheduled == FROM_OUTSIDE


def test_every_event_that_is_given_is_taken_by_somebody() -> None:
    taken = {each for function in FUNCTIONS for each in function.takes}
    given = {each for function in FUNCTIONS for each in function.gives} | named_in("llm_host")
    assert given - taken == set()


def test_every_event_stands_in_the_architecture() -> None:
    document = (ROOT / "docs" / "architecture.md").read_text()
    taken = {each for function in FUNCTIONS for each in function.takes}
    assert {each for each in taken if f"`{each}`" not in document} == set()

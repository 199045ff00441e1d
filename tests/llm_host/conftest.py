"""One host for all tests that do not break it."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.llm_host.standins import Broker, Host, Storage, launch_host


@pytest.fixture(scope="session")
def host(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A real host process with the builtin engine, a file storage and a Broker."""
    yield from run_host(tmp_path_factory.mktemp("llm-host") / "data")


@pytest.fixture
def own_host(tmp_path: Path) -> Iterator[Host]:
    """A host that a test may break, kill or fill."""
    yield from run_host(tmp_path / "data")


def run_host(data: Path) -> Iterator[Host]:
    """A host for as long as the fixture that asks for it."""
    storage, broker = Storage(), Broker()
    running = launch_host(data, storage, broker)
    yield running
    running.kill()
    storage.close()
    broker.close()

"""The chat's two functions with a stand-in for the LLM host, and two people."""

from collections.abc import AsyncIterator

import pytest

from tests.conftest import StartFunction
from tests.functions.chat.data import new_session
from tests.functions.chat.host import LlmHostDouble
from tests.functions.client import FunctionClient, Person


@pytest.fixture
async def host() -> AsyncIterator[LlmHostDouble]:
    """An LLM host that answers by itself until told otherwise."""
    async with LlmHostDouble() as running:
        yield running


@pytest.fixture
async def sessions(function: StartFunction, host: LlmHostDouble) -> FunctionClient:
    """The function chat-sessions."""
    return await function("chat-sessions", **host.settings)


@pytest.fixture
async def messages(function: StartFunction, host: LlmHostDouble) -> FunctionClient:
    """The function chat-messages."""
    return await function("chat-messages", **host.settings)


@pytest.fixture
def person() -> Person:
    """Somebody who works in 인사팀."""
    return Person(department="인사팀")


@pytest.fixture
def somebody_else() -> Person:
    """Somebody else."""
    return Person()


@pytest.fixture
async def session(sessions: FunctionClient, person: Person) -> dict[str, str]:
    """A conversation of the person."""
    return await new_session(sessions, person)

"""Reading server-sent events as a browser does."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import httpx

from tests.functions.chat.data import MESSAGES
from tests.functions.client import Person

LAST = ("done", "stopped", "error")
SECONDS = 20


class Reachable(Protocol):
    """A function that can be called, wherever it runs."""

    http: httpx.AsyncClient


@dataclass(frozen=True)
class Event:
    """An event that has arrived."""

    kind: str
    data: dict[str, Any]
    id: str | None


class Stream:
    """A stream that is being read."""

    def __init__(self, response: httpx.Response) -> None:
        self.response = response
        self._events = _events(response)

    async def next(self) -> Event:
        """The next event."""
        async with asyncio.timeout(SECONDS):
            return await anext(self._events)

    async def until(self, kind: str) -> Event:
        """The next event of a kind; what comes before it is dropped."""
        while (event := await self.next()).kind != kind:
            assert event.kind not in LAST, event
        return event

    async def text(self, length: int) -> tuple[str, str]:
        """So many characters of the answer, and the id of the event that ended them."""
        text, place = "", ""
        while len(text) < length:
            event = await self.until("delta")
            text += event.data["text"]
            place = str(event.id)
        return text, place

    async def rest(self) -> list[Event]:
        """Everything up to the end of the stream."""
        async with asyncio.timeout(SECONDS):
            return [event async for event in self._events]


@asynccontextmanager
async def asking(
    messages: Reachable,
    person: Person,
    session: dict[str, Any],
    content: str = "연차는 며칠인가요?",
    **headers: str,
) -> AsyncIterator[Stream]:
    """Asks, and reads the answer as it comes."""
    body = {"session_id": session["id"], "content": content}
    headers = {**person.headers, "Accept": "text/event-stream", **headers}
    async with messages.http.stream("POST", MESSAGES, json=body, headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)


@asynccontextmanager
async def resuming(messages: Reachable, person: Person, turn_id: str, last: str | None = None) -> AsyncIterator[Stream]:
    """Takes up the stream of an answer, after the event with the id `last`."""
    headers = {**person.headers, **({"Last-Event-ID": last} if last else {})}
    async with messages.http.stream("GET", f"{MESSAGES}/{turn_id}/stream", headers=headers) as response:
        assert response.status_code == 200, await response.aread()
        yield Stream(response)


def text_of(events: list[Event]) -> str:
    """The answer that the events tell."""
    return "".join(event.data["text"] for event in events if event.kind == "delta")


async def _events(response: httpx.Response) -> AsyncIterator[Event]:
    rest = b""
    async for piece in response.aiter_bytes():
        *blocks, rest = (rest + piece).split(b"\n\n")
        for block in blocks:
            fields = dict(line.split(": ", 1) for line in block.decode().split("\n") if not line.startswith(":"))
            if fields:
                yield Event(fields["event"], json.loads(fields["data"]), fields.get("id"))

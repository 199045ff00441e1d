"""Answers that are being generated in this process: what has been streamed so far, for everybody who listens."""

import asyncio
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any
from uuid import UUID

from functions.chat.messages.queries import EventRow

COALESCE_SECONDS = 0.08  # pieces that follow each other faster than this become one event


class Live:
    """One answer. Its events are numbered from 1, in the order in which the LLM host sent them."""

    def __init__(self) -> None:
        self.events: list[EventRow] = []
        self.stored = 0  # how many of the events are in the database
        self.stopping = asyncio.Event()
        self.first_text_ms: int | None = None
        self._began = time.perf_counter()
        self._text = ""
        self._cut_later: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._ended = asyncio.Event()

    def add(self, kind: str, data: Mapping[str, Any]) -> None:
        """Adds an event, after the text that came before it."""
        self.cut()
        self.events.append(EventRow(len(self.events) + 1, kind, dict(data)))
        self._wake()

    def add_text(self, text: str) -> None:
        """Adds a piece of the answer's text: the first at once, the others with those that follow close behind."""
        self._text += text
        if self.first_text_ms is None:
            self.first_text_ms = self.elapsed_ms()
            self.cut()
        elif self._cut_later is None:
            self._cut_later = asyncio.get_running_loop().call_later(COALESCE_SECONDS, self.cut)

    def cut(self) -> None:
        """Makes the text that has gathered an event."""
        if self._cut_later is not None:
            self._cut_later.cancel()
            self._cut_later = None
        if self._text:
            text, self._text = self._text, ""
            self.add("delta", {"text": text})

    def elapsed_ms(self) -> int:
        """Milliseconds since the generation began."""
        return round((time.perf_counter() - self._began) * 1000)

    async def after(self, number: int) -> AsyncIterator[EventRow]:
        """The events after the one with this number, as they come, until the end."""
        while True:
            changed = self._changed
            for event in self.events[number:]:
                yield event
                number = event.number
            if self._ended.is_set() and number >= len(self.events):
                return
            await changed.wait()

    async def stop(self) -> None:
        """Has the generation stopped, and waits until that is stored."""
        self.stopping.set()
        await self._ended.wait()

    def end(self) -> None:
        """Nothing follows: everybody who listens gets what is left, and no more."""
        self._ended.set()
        self._wake()

    def _wake(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()


Lives = dict[UUID, Live]  # by the generation's id

"""A stand-in for the LLM host, over real HTTP: it says what the test tells it to, piece by piece, when the test says so."""

import asyncio
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Self

from tests.functions.chat.data import passage

DONE = {"finish_reason": "stop", "grounded": True, "cited": [1], "tokens_in": 120, "tokens_out": 30}


@dataclass
class Asked:
    """A question that has reached the host, and the way to answer it."""

    body: dict[str, Any]
    _writer: asyncio.StreamWriter
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def raw(self, piece: bytes) -> None:
        """Sends bytes as they are."""
        self._writer.write(piece)
        await self._writer.drain()

    async def say(self, kind: str, **data: Any) -> None:
        """Sends an event."""
        await self.raw(encoded(kind, data))

    async def begin(self) -> None:
        """Sends what comes before the text."""
        await self.say("meta", engine="double", model="double-1", intent="POLICY")
        await self.say("sources", passages=[passage(1)])

    async def finish(self, **data: Any) -> None:
        """Says that the answer is complete, and hangs up."""
        await self.say("done", **{**DONE, **data})
        self._writer.close()

    def hang_up(self) -> None:
        """Ends the connection in the middle."""
        self._writer.close()


class LlmHostDouble:
    """Answers by itself with `text` while `by_itself` is set; otherwise each question waits in `asked` for the test.

    `refusal` makes every call fail with that problem; titles wait while `hold_titles` is an event that is not set.
    """

    def __init__(self, port: int = 0) -> None:
        self.by_itself = True
        self.text = "연차휴가는 15일입니다 [1]."
        self.title = "연차휴가 일수"
        self.refusal: dict[str, Any] | None = None
        self.hold_titles: asyncio.Event | None = None
        self.questions: list[dict[str, Any]] = []
        self.titled: list[dict[str, Any]] = []
        self._port = port
        self._asked: asyncio.Queue[Asked] = asyncio.Queue()
        self._title_wanted = asyncio.Event()
        self._writers: set[asyncio.StreamWriter] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", self._port)
        self._port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        for writer in self._writers:
            writer.close()

    @property
    def settings(self) -> dict[str, str]:
        """The settings of a function that asks this host."""
        return {"LLM_HOST_URL": f"http://127.0.0.1:{self._port}", "LLM_HOST_TOKEN": "double"}

    async def next_question(self) -> Asked:
        """The next question that waits for an answer."""
        async with asyncio.timeout(20):
            return await self._asked.get()

    async def until_titled(self) -> None:
        """Waits until a title has been asked for."""
        async with asyncio.timeout(20):
            await self._title_wanted.wait()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._writers.add(writer)
        try:
            path, body = await _request(reader)
            if self.refusal is not None:
                writer.write(_response(self.refusal["status"], self.refusal, "application/problem+json"))
            elif path == "/v1/titles":
                self.titled.append(body)
                self._title_wanted.set()
                if self.hold_titles is not None:
                    await self.hold_titles.wait()
                writer.write(_response(200, {"title": self.title}))
            else:
                await self._answer(body, reader, writer)
        finally:
            self._writers.discard(writer)
            writer.close()

    async def _answer(self, body: dict[str, Any], reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.questions.append(body)
        asked = Asked(body, writer)
        await asked.raw(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n")
        if self.by_itself:
            await asked.begin()
            for word in self.text.split(" "):
                await asked.say("delta", text=f"{word} " if not self.text.endswith(word) else word)
            await asked.finish()
            return
        self._asked.put_nowait(asked)
        await reader.read()  # ends when either side has hung up
        asked.gone.set()


def encoded(kind: str, data: Mapping[str, Any]) -> bytes:
    """An event on the wire, as the LLM host writes it."""
    return f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def _request(reader: asyncio.StreamReader) -> tuple[str, dict[str, Any]]:
    head = (await reader.readuntil(b"\r\n\r\n")).decode()
    path = head.split(" ", 2)[1]
    length = next(line.split(":")[1] for line in head.splitlines() if line.lower().startswith("content-length"))
    return path, json.loads(await reader.readexactly(int(length)))


def _response(status: int, body: Mapping[str, Any], content_type: str = "application/json") -> bytes:
    content = json.dumps(body, ensure_ascii=False).encode()
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {content_type}\r\nContent-Length: {len(content)}\r\nConnection: close\r\n"
    return head.encode() + b"\r\n" + content

"""A stand-in for an OpenAI-compatible server, over real HTTP; what it does is what vLLM 0.32 was seen to do."""

import json
import threading
import zlib
from http.server import BaseHTTPRequestHandler
from typing import Any

from llm_host.terms import cut
from tests.llm_host.standins import Server, respond

DIMENSION = 128


class ModelServer(Server):
    """Answers chats with `pieces` and embeds by hashing; the other fields make it fail."""

    def __init__(self) -> None:
        super().__init__()
        self.base = f"{self.url}/v1"
        self.pieces = ["연차휴가는 15일입니다 ", "[1]", "."]
        self.finish_reason = "stop"
        self.statuses: list[int] = []  # of the next calls; 200 once they are used up
        self.breaks_after: int | None = None  # pieces
        self.error_chunk = False
        self.most_sources: int | None = None  # a prompt with more of them is too long
        self.gate: threading.Event | None = None  # holds the stream back after its first piece
        self.left = threading.Event()  # a client went away in the middle of a stream
        self.bodies: list[dict[str, Any]] = []
        self.tokens: list[str | None] = []

    def handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        if request.path.endswith("/models"):
            respond(request, 200, b'{"data": []}')
            return
        asked = json.loads(body)
        self.bodies.append(asked)
        self.tokens.append(request.headers["authorization"])
        status = self.statuses.pop(0) if self.statuses else 200
        if status != 200:
            respond(request, status, b'{"error": {"message": "no"}}')
        elif request.path.endswith("/embeddings"):
            data = [{"index": at, "embedding": _embedding(text)} for at, text in enumerate(asked["input"])]
            respond(request, 200, json.dumps({"data": data[::-1]}).encode())
        elif self._too_long(asked):
            message = "This model's maximum context length is 1024 tokens. However, you requested 2000 tokens."
            respond(request, 400, json.dumps({"error": {"message": message}}).encode())
        elif asked.get("stream"):
            self._stream(request)
        else:
            message = {"role": "assistant", "content": "".join(self.pieces)}
            respond(request, 200, json.dumps({"choices": [{"message": message}]}).encode())

    def _too_long(self, asked: dict[str, Any]) -> bool:
        sources = asked["messages"][-1]["content"].count("</근거 ")
        return self.most_sources is not None and sources > self.most_sources

    def _stream(self, request: BaseHTTPRequestHandler) -> None:
        request.close_connection = True
        request.send_response(200)
        request.send_header("content-type", "text/event-stream")
        request.send_header("connection", "close")
        request.end_headers()
        for at, piece in enumerate(self.pieces):
            if at == self.breaks_after:
                return
            self._send(request, {"choices": [{"delta": {"content": piece}, "finish_reason": None}]})
            if self.gate and at == 0:
                self._wait_for_gate(request)
        if self.error_chunk:
            self._send(request, {"error": {"message": "engine died", "code": 500}})
            return
        self._send(request, {"choices": [{"delta": {}, "finish_reason": self.finish_reason}]})
        self._send(request, {"choices": [], "usage": {"prompt_tokens": 120, "completion_tokens": 9}})
        request.wfile.write(b"data: [DONE]\n\n")

    def _wait_for_gate(self, request: BaseHTTPRequestHandler) -> None:
        """Waits as a slow model does, noticing a client that leaves by the end of its half of the connection."""
        assert self.gate
        request.connection.settimeout(0.05)
        while not self.gate.is_set():
            try:
                if request.connection.recv(1) == b"":
                    self.left.set()
                    return
            except TimeoutError:
                continue

    @staticmethod
    def _send(request: BaseHTTPRequestHandler, chunk: dict[str, Any]) -> None:
        request.wfile.write(f"data: {json.dumps(chunk, ensure_ascii=False)}\n\n".encode())
        request.wfile.flush()


def _embedding(text: str) -> list[float]:
    vector = [0.0] * DIMENSION
    for term in cut(text):
        vector[zlib.crc32(term.encode()) % DIMENSION] += 3.0  # not of length 1, like some servers
    return vector

"""A stand-in for the LLM host over real HTTP: takes documents as the contract says, and reports nothing by itself."""

import json
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self
from uuid import UUID

TOKEN = "host-token"


@dataclass
class HostDouble:
    """Jobs by version, and every call that was answered. `down` answers 503, `refuse` with that problem."""

    jobs: dict[str, dict[str, Any]] = field(default_factory=dict)
    bodies: dict[str, dict[str, Any]] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    down: bool = False
    refuse: tuple[int, str] | None = None
    while_asked: Callable[[], None] | None = None

    def __enter__(self) -> Self:
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()

    @property
    def settings(self) -> dict[str, str]:
        """What a function needs to find this host."""
        return {"LLM_HOST_URL": f"http://127.0.0.1:{self._server.server_port}", "LLM_HOST_TOKEN": TOKEN}

    def called(self, kind: str) -> int:
        """How many calls of a kind were answered: process, activate or remove."""
        return self.calls.count(kind)

    def answer(self, method: str, path: str, body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
        """The answer to a call."""
        if self.down:
            return 503, {"code": "llm.unavailable", "detail": "down", "status": 503}
        if self.refuse:
            status, code = self.refuse
            return status, {"code": code, "detail": "거절했습니다.", "status": status}
        version = str(UUID(path.split("/")[3]))
        kind = {"PUT": "process", "POST": "activate", "DELETE": "remove"}[method]
        self.calls.append(kind)
        if self.while_asked:
            self.while_asked()
        known = self.jobs.get(version, {"attempt": 0, "kind": "none"})
        if kind == "process" and known["attempt"] >= body["attempt"]:
            return 202, known
        attempt = body["attempt"] if kind == "process" else known["attempt"]
        if kind == "process":
            self.bodies[version] = body
        if known["kind"] != kind or attempt > known["attempt"]:
            known = {"id": version, "attempt": attempt, "kind": kind, "state": "QUEUED", "stage": None, "progress": 0}
            self.jobs[version] = known
        return 202, known

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        double = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _answer(self) -> None:
                length = int(self.headers.get("content-length", 0))
                body = json.loads(self.rfile.read(length) or b"{}")
                if self.headers["authorization"] != f"Bearer {TOKEN}":
                    status, document = 401, {"code": "auth.required", "detail": "", "status": 401}
                else:
                    status, document = double.answer(self.command, self.path, body)
                content = json.dumps(document).encode()
                self.send_response(status)
                kind = "application/json" if status < 400 else "application/problem+json"
                self.send_header("content-type", kind)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_PUT = do_POST = do_DELETE = _answer  # noqa: N815

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Says nothing."""

        return Handler

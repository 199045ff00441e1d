"""The ask path before the engine: from the request to the first SSE byte of `chat-messages`, warm."""

import json
import os
import sys
import tempfile
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from uuid import uuid4

import httpx

from scripts import migrate
from scripts.bench.measure import percentile, running, show
from scripts.local import postgres

REQUESTS = 200


class InstantHost(BaseHTTPRequestHandler):
    """An LLM host that answers at once."""

    def do_POST(self) -> None:
        """One short answer."""
        self.rfile.read(int(self.headers["content-length"]))
        self.send_response(200)
        self.send_header("content-type", "text/event-stream")
        self.end_headers()
        done = {"finish_reason": "stop", "grounded": True, "cited": [], "tokens_in": 1, "tokens_out": 1}
        meta = {"engine": "instant", "model": "instant", "intent": "question"}
        for kind, data in (("meta", meta), ("sources", {"passages": []}), ("delta", {"text": "네."}), ("done", done)):
            self.wfile.write(f"event: {kind}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002
        """Says nothing."""


def main() -> None:
    """Measures and prints the table."""
    host = ThreadingHTTPServer(("127.0.0.1", 0), InstantHost)
    threading.Thread(target=host.serve_forever, daemon=True).start()
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o711)
        server = postgres.start(Path(folder))
        try:
            times = measure(server.url("postgres"), f"http://127.0.0.1:{host.server_port}")
        finally:
            server.stop()
    base = percentile(times["GET /healthz"], 50)
    rows = [
        (
            name,
            f"{percentile(each, 50) * 1000:.1f}",
            f"{percentile(each, 95) * 1000:.1f}",
            f"{percentile(each, 50) / base:.1f}",
        )
        for name, each in times.items()
    ]
    show(f"To the first byte, {REQUESTS} requests each, one at a time", ["request", "p50 ms", "p95 ms", "ratio"], rows)


def measure(database_url: str, llm_host_url: str) -> dict[str, list[float]]:
    """Seconds to the first byte, by request."""
    environ = {f"{service.upper()}_DATABASE_ADMIN_URL": database_url for service in migrate.SERVICES}
    migrate.run(["chat"], environ={**os.environ, **environ})
    settings = {"APP_ENV": "dev", "AUTH_MODE": "dev", "HOST": "127.0.0.1", "CHAT_DATABASE_URL": database_url}
    settings |= {"LLM_HOST_URL": llm_host_url, "LLM_HOST_TOKEN": "bench"}
    me = {"X-User-UUID": str(uuid4()), "Accept": "text/event-stream"}
    runner = [sys.executable, "-m", "shared.runner"]
    sessions_command = [*runner, "functions/chat/sessions/main.py"]
    messages_command = [*runner, "functions/chat/messages/main.py"]
    with (
        running(sessions_command, settings, "/api/chat/sessions/healthz") as sessions,
        running(messages_command, settings, "/api/chat/messages/healthz") as messages,
        httpx.Client(headers=me, timeout=30) as http,
    ):
        session = http.post(f"{sessions}/api/chat/sessions", json={}).json()["id"]
        question = {"session_id": session, "content": "연차는 며칠인가요?"}
        return {
            "GET /healthz": [first_byte(http, "GET", f"{messages}/api/chat/messages/healthz") for _ in range(REQUESTS)],
            "GET /api/chat/sessions": [
                first_byte(http, "GET", f"{sessions}/api/chat/sessions") for _ in range(REQUESTS)
            ],
            "POST /api/chat/messages": [
                first_byte(http, "POST", f"{messages}/api/chat/messages", question) for _ in range(REQUESTS)
            ],
        }


def first_byte(http: httpx.Client, method: str, url: str, body: dict[str, str] | None = None) -> float:
    """Seconds from sending a request to the first byte of its answer's body; the rest is read and not counted."""
    began = time.perf_counter()
    with http.stream(method, url, json=body) as answer:
        pieces = answer.iter_raw()
        next(pieces)
        seconds = time.perf_counter() - began
        for _ in pieces:
            pass
    answer.raise_for_status()
    return seconds

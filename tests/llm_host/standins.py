"""What the host talks to, over real HTTP on this machine, the host itself, and factories for its data."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx

ROOT = Path(__file__).parents[2]
TOKEN = "token-of-the-tests"


def eventually(condition: Callable[[], Any], seconds: float = 60.0) -> Any:
    """The first true value of a condition. Fails when it has not become true in time."""
    deadline = time.monotonic() + seconds
    while not (value := condition()):
        assert time.monotonic() < deadline, "it did not come true in time"
        time.sleep(0.02)
    return value


class Server:
    """An HTTP server in a thread; `handle` answers each request."""

    def __init__(self) -> None:
        self._connections: set[socket.socket] = set()
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), self._handler())
        self._http.daemon_threads = True
        self.host = f"127.0.0.1:{self._http.server_port}"
        self.url = f"http://{self.host}"
        threading.Thread(target=self._http.serve_forever, args=(0.05,), daemon=True).start()

    def handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        raise NotImplementedError

    def close(self) -> None:
        """Stops listening, and hangs up on everybody."""
        self._http.shutdown()
        self._http.server_close()
        for connection in list(self._connections):
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def setup(self) -> None:
                super().setup()
                server._connections.add(self.connection)

            def finish(self) -> None:
                server._connections.discard(self.connection)
                super().finish()

            def do_GET(self) -> None:
                body = self.rfile.read(int(self.headers.get("content-length", 0)))
                try:
                    server.handle(self, body)
                except (BrokenPipeError, ConnectionResetError):
                    self.close_connection = True

            do_POST = do_GET  # noqa: N815 - named by http.server  # noqa: N815 - named by http.server

            def log_message(self, *_: object) -> None:
                return

        return Handler


def respond(request: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    """A whole answer."""
    request.send_response(status)
    for name, value in headers.items():
        request.send_header(name.replace("_", "-"), value)
    request.send_header("content-length", str(len(body)))
    request.end_headers()
    request.wfile.write(body)


class Storage(Server):
    """Files by path. `statuses` overrides a path's status; a path in `gates` waits for its event before it is served."""

    def __init__(self) -> None:
        super().__init__()
        self.files: dict[str, bytes] = {}
        self.statuses: dict[str, int] = {}
        self.gates: dict[str, threading.Event] = {}
        self.asked: list[str] = []

    def put(self, data: bytes) -> str:
        """The URL of a new file."""
        path = f"/{uuid4()}"
        self.files[path] = data
        return self.url + path

    def handle(self, request: BaseHTTPRequestHandler, _: bytes) -> None:
        path = request.path
        self.asked.append(path)
        if gate := self.gates.get(path):
            gate.wait(60)
        respond(request, self.statuses.get(path, 200), self.files.get(path, b""), location=f"{self.url}/elsewhere")


@dataclass(frozen=True, slots=True)
class Delivery:
    """An event as it came in."""

    id: str
    type: str
    subject: str
    data: dict[str, Any]
    headers: dict[str, str] = field(hash=False)


class Broker(Server):
    """Records events; while `status` is not 202, or for a subject in `refused`, it takes none."""

    def __init__(self) -> None:
        super().__init__()
        self.status = 202
        self.refused: set[str] = set()
        self.taken: list[Delivery] = []
        self.offered: list[Delivery] = []

    def handle(self, request: BaseHTTPRequestHandler, body: bytes) -> None:
        headers = {name.lower(): value for name, value in request.headers.items()}
        event = Delivery(headers["ce-id"], headers["ce-type"], headers["ce-subject"], json.loads(body), headers)
        self.offered.append(event)
        status = 500 if event.subject in self.refused else self.status
        if status == 202:
            self.taken.append(event)
        respond(request, status)

    def of(self, subject: str, type_: str = "") -> list[Delivery]:
        """What was taken about a subject; `type_` is the last word of the type."""
        return [event for event in self.taken if event.subject == subject and event.type.endswith(type_)]


@dataclass
class Host:
    """A running host and what surrounds it."""

    url: str
    data: Path
    storage: Storage
    broker: Broker
    client: httpx.Client
    process: subprocess.Popen[bytes]
    environment: dict[str, str]

    def restart(self) -> None:
        """Starts the host again, on the data that the last process left."""
        self.process = _launch(self.environment)
        _until_ready(self)

    def kill(self) -> None:
        """SIGKILL: no chance to tidy up."""
        self.process.kill()
        self.process.wait()

    def stop(self) -> None:
        """SIGTERM, as a supervisor stops it."""
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(30)


def launch_host(data: Path, storage: Storage, broker: Broker, **environment: str) -> Host:
    """A host of its own, ready to serve."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    settings = {
        "PATH": os.environ["PATH"],
        "PORT": str(port),
        "LLM_HOST_DATA": str(data),
        "LLM_HOST_TOKEN": TOKEN,
        "BROKER_URL": broker.url,
        "SOURCE_HOSTS": storage.host,
        **environment,
    }
    url = f"http://127.0.0.1:{port}"
    client = httpx.Client(base_url=url, headers={"Authorization": f"Bearer {TOKEN}"}, timeout=60)
    host = Host(url, data, storage, broker, client, _launch(settings), settings)
    _until_ready(host)
    return host


def _launch(environment: Mapping[str, str]) -> subprocess.Popen[bytes]:
    log = Path(environment["LLM_HOST_DATA"]).with_suffix(".log")
    with log.open("ab") as output:
        return subprocess.Popen(
            [sys.executable, "-m", "llm_host"], cwd=ROOT, env=dict(environment), stdout=output, stderr=output
        )


def _until_ready(host: Host) -> None:
    def healthy() -> bool:
        assert host.process.poll() is None, "the host has ended"
        try:
            return host.client.get("/healthz").status_code == 200
        except httpx.TransportError:
            return False

    eventually(healthy)


# Data, with everything that a test does not care about filled in.


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A version that was given to the host."""

    version_id: str
    document_id: str
    body: dict[str, Any]


def upload(host: Host, text: str | bytes, *, version_id: str = "", **changes: Any) -> Uploaded:
    """Stores a Markdown file, or what `changes` say it is, and gives it to be processed."""
    data = text.encode() if isinstance(text, str) else text
    version_id = version_id or str(uuid4())
    body = {
        "document_id": str(uuid4()),
        "attempt": 1,
        "title": "시험 문서",
        "number": 1,
        "domain": "POLICY",
        "departments": [],
        "filename": "문서.md",
        "content_type": "text/markdown",
        "size": len(data),
        "sha256": sha256(data).hexdigest(),
        "url": changes.get("url") or host.storage.put(data),
    } | changes
    answer = host.client.put(f"/v1/documents/{version_id}", json=body)
    assert answer.status_code == 202, answer.text
    return Uploaded(version_id, body["document_id"], body)


def job(host: Host, version_id: str) -> dict[str, Any]:
    """The job as the host shows it."""
    answer: dict[str, Any] = host.client.get(f"/v1/documents/{version_id}").json()
    return answer


def finished(host: Host, version_id: str) -> dict[str, Any]:
    """The job once it is over."""
    return eventually(lambda: (shown := job(host, version_id))["state"] not in ("QUEUED", "RUNNING") and shown)


def activate(host: Host, version_id: str) -> None:
    """Makes a processed version findable."""
    assert finished(host, version_id)["state"] == "DONE"
    assert host.client.post(f"/v1/documents/{version_id}/activate").status_code == 202
    assert finished(host, version_id) | {"stage": None} == {
        "id": version_id,
        "attempt": job(host, version_id)["attempt"],
        "kind": "activate",
        "state": "DONE",
        "stage": None,
        "progress": 100,
        "code": None,
        "reason": None,
    }


def publish(host: Host, text: str | bytes, **changes: Any) -> Uploaded:
    """A document that can be found."""
    uploaded = upload(host, text, **changes)
    activate(host, uploaded.version_id)
    return uploaded


def search(host: Host, query: str, department: str | None = None, **changes: Any) -> list[dict[str, Any]]:
    """The passages that are found."""
    body = {"query": query, "department": department, "limit": 10} | changes
    answer = host.client.post("/v1/search", json=body)
    assert answer.status_code == 200, answer.text
    return list(answer.json()["passages"])


def ask(host: Host, question: str, **changes: Any) -> dict[str, Any]:
    """The whole answer."""
    answer = host.client.post("/v1/answers", json={"question": question, "stream": False} | changes)
    assert answer.status_code == 200, answer.text
    return dict(answer.json())


def stream(host: Host, question: str, **changes: Any) -> list[tuple[str, dict[str, Any]]]:
    """The events of a streamed answer."""
    with host.client.stream("POST", "/v1/answers", json={"question": question} | changes) as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        return list(events_of(answer.iter_lines()))


def events_of(lines: Iterator[str]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Server-sent events."""
    name = ""
    for line in lines:
        if line.startswith("event: "):
            name = line[7:]
        elif line.startswith("data: "):
            yield name, json.loads(line[6:])

"""The client of the LLM host: streams whole whatever the network cuts, and a breaker that spares a host that is down."""

import json
import socket
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from uuid import UUID

import pytest

from shared.errors import Problem
from shared.llm import BREAKER_FAILURES, BREAKER_SECONDS, Breaker, LlmHost

VERSION = UUID(int=1)


class HostDouble:
    """A host that answers what the test has put into `answers`: a status and the pieces of a body."""

    def __init__(self) -> None:
        self.answers: list[tuple[int, str, list[bytes]]] = []
        self.requests: list[str] = []
        double = self

        class Handler(BaseHTTPRequestHandler):
            def answer(self) -> None:
                self.rfile.read(int(self.headers.get("content-length", 0)))
                double.requests.append(f"{self.command} {self.path}")
                status, kind, pieces = double.answers.pop(0)
                self.send_response(status)
                self.send_header("content-type", kind)
                self.end_headers()
                for piece in pieces:
                    self.wfile.write(piece)
                    self.wfile.flush()

            do_PUT = do_POST = do_DELETE = answer  # noqa: N815 - the base class's names

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002
                """Says nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def host() -> Iterator[HostDouble]:
    """A running host."""
    double = HostDouble()
    threading.Thread(target=double.server.serve_forever, args=(0.05,), daemon=True).start()
    yield double
    double.server.shutdown()
    double.server.server_close()


def sse(event: str, **data: object) -> bytes:
    """An event on the wire."""
    return f"event: {event}\ndata: {json.dumps(data, ensure_ascii=False)}\n\n".encode()


async def parts(client: LlmHost) -> list[tuple[str, dict[str, object]]]:
    """Everything a stream holds."""
    return [(part.kind, dict(part.data)) async for part in client.answer({"question": "?"})]


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
async def test_a_stream_is_whole_however_the_network_cuts_it(host: HostDouble, size: int) -> None:
    body = (
        sse("meta", engine="x") + b": ping\n\n" + sse("delta", text="연차\u2028휴가\n는") + sse("done", grounded=True)
    )
    host.answers = [(200, "text/event-stream", [body[i : i + size] for i in range(0, len(body), size)])]
    received = await parts(LlmHost(host.url, "t"))
    assert received == [
        ("meta", {"engine": "x"}),
        ("delta", {"text": "연차\u2028휴가\n는"}),
        ("done", {"grounded": True}),
    ]


async def test_a_problem_in_the_stream_is_raised(host: HostDouble) -> None:
    error = sse("error", status=503, code="engine.unavailable", detail="잠시 후")
    host.answers = [(200, "text/event-stream", [sse("meta", engine="x"), error])]
    with pytest.raises(Problem) as raised:
        await parts(LlmHost(host.url, "t"))
    assert raised.value.code == "engine.unavailable"


async def test_a_stream_that_just_ends_is_an_outage_and_not_an_answer(host: HostDouble) -> None:
    host.answers = [(200, "text/event-stream", [sse("delta", text="절반")])]
    with pytest.raises(Problem) as raised:
        await parts(LlmHost(host.url, "t"))
    assert raised.value.code == "llm.unavailable"


async def test_a_call_is_tried_again_and_an_answer_is_not(host: HostDouble) -> None:
    host.answers = [(500, "text/plain", [b"oops"]), (202, "application/json", [b"{}"])]
    client = LlmHost(host.url, "t")
    await client.activate_document(VERSION)
    assert len(host.requests) == 2
    host.answers = [(502, "text/html", [b"<html>"]), (200, "text/event-stream", [])]
    with pytest.raises(Problem):
        await parts(client)
    assert len(host.requests) == 3


async def test_what_the_host_refuses_is_told_and_not_tried_again(host: HostDouble) -> None:
    body = json.dumps({"status": 422, "code": "question.empty", "detail": "비었습니다."}).encode()
    host.answers = [(422, "application/problem+json", [body])]
    with pytest.raises(Problem) as raised:
        await LlmHost(host.url, "t").title("", "")
    assert (raised.value.status, raised.value.code) == (422, "question.empty")


async def test_a_host_that_is_down_is_a_503_with_the_time_to_come_back() -> None:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    with pytest.raises(Problem) as raised:
        await LlmHost(f"http://127.0.0.1:{port}", "t").activate_document(VERSION)
    assert (raised.value.status, raised.value.code) == (503, "llm.unavailable")
    assert raised.value.retry_after


def test_the_breaker_opens_after_failures_in_a_row_and_lets_one_through_later() -> None:
    breaker = Breaker()
    for _ in range(BREAKER_FAILURES - 1):
        breaker.failed(now=100.0)
    breaker.check(now=100.0)
    breaker.failed(now=100.0)
    with pytest.raises(Problem):
        breaker.check(now=100.0 + BREAKER_SECONDS - 1)
    breaker.check(now=100.0 + BREAKER_SECONDS)
    breaker.failed(now=200.0)
    with pytest.raises(Problem):
        breaker.check(now=200.0)


def test_a_success_forgives_the_failures_before_it() -> None:
    breaker = Breaker()
    for _ in range(BREAKER_FAILURES * 3):
        breaker.failed(now=1.0)
        breaker.succeeded()
    breaker.check(now=1.0)

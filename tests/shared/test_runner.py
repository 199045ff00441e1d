"""The runner: the functions-framework's contract, one process, and a clean way out."""

import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.functions.client import Person
from tests.processes import free_port, running, until

BASE = "/api/quiz/probe"
RUNNER = [sys.executable, "-m", "shared.runner", "tests/shared/probe.py"]
ALICE = Person()


@pytest.fixture
def environ(database_url: str) -> dict[str, str]:
    """What the probe needs to start."""
    port = str(free_port())
    return {"APP_ENV": "test", "AUTH_MODE": "dev", "QUIZ_DATABASE_URL": database_url, "HOST": "127.0.0.1", "PORT": port}


@pytest.fixture
def url(environ: dict[str, str]) -> Iterator[str]:
    """Where the probe answers."""
    return f"http://127.0.0.1:{environ['PORT']}{BASE}"


def test_sigterm_lets_open_work_finish_and_leaves_without_an_error(environ: dict[str, str], url: str) -> None:
    with running(RUNNER, environ, ready=f"{url}/healthz") as process:
        assert httpx.get(f"{url}/slow", headers=ALICE.headers).status_code == 200
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    assert process.returncode in (0, -signal.SIGTERM), output
    with running(RUNNER, environ, ready=f"{url}/healthz"):
        assert httpx.get(f"{url}/count", headers=ALICE.headers).text == "1"


def test_a_stream_that_is_open_at_sigterm_is_streamed_to_its_end(
    environ: dict[str, str], url: str, tmp_path: Path
) -> None:
    request = {"url": f"{url}/gate", "params": {"path": str(tmp_path / "open")}, "headers": ALICE.headers}
    with running(RUNNER, environ, ready=f"{url}/healthz") as process, httpx.stream("GET", **request) as answer:
        pieces = answer.iter_text()
        assert "첫 조각" in next(pieces)
        process.send_signal(signal.SIGTERM)
        until(lambda: refuses(environ))
        (tmp_path / "open").touch()
        assert "event: done" in "".join(pieces)


def test_an_inherited_socket_is_served_and_connections_before_the_start_are_answered(environ: dict[str, str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        waiting: list[int] = []
        target = f"http://127.0.0.1:{port}{BASE}/healthz"
        early = threading.Thread(target=lambda: waiting.append(httpx.get(target, timeout=60).status_code))
        early.start()
        descriptor = listener.fileno()
        process = subprocess.Popen(
            RUNNER,
            env={**os.environ, **environ, "LISTEN_FD": str(descriptor)},
            pass_fds=[descriptor],
            stdout=subprocess.PIPE,
        )
        early.join(60)
        process.terminate()
        process.communicate(timeout=30)
    assert waiting == [200]


def test_every_log_line_is_json_with_the_request_it_belongs_to(environ: dict[str, str], url: str) -> None:
    with running(RUNNER, environ, ready=f"{url}/healthz") as process:
        httpx.get(f"{url}/bug", headers={**ALICE.headers, "X-Request-Id": "r-1"})
        process.send_signal(signal.SIGTERM)
        output, _ = process.communicate(timeout=30)
    lines = [json.loads(line) for line in output.splitlines()]
    about = [line for line in lines if line.get("request_id") == "r-1"]
    assert {line["logger"] for line in about} == {"access", "unforeseen"}
    assert {line["function"] for line in about} == {"tests-shared"}
    assert any("ZeroDivisionError" in line.get("exception", "") for line in about)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"AUTH_MODE": "dev", "APP_ENV": "prod"}, "AUTH_MODE=dev"),
        ({"AUTH_MODE": "keycloak"}, "KEYCLOAK_ISSUER"),
        ({"AUTH_MODE": "keycloak", "KEYCLOAK_ISSUER": "https://id.example"}, "AUTH_MODE=keycloak"),
        ({"AUTH_MODE": "nothing"}, "AUTH_MODE=nothing"),
        ({"QUIZ_DATABASE_URL": ""}, "QUIZ_DATABASE_URL"),
    ],
)
def test_a_function_that_could_not_be_safe_does_not_start(
    environ: dict[str, str], settings: dict[str, str], words: str
) -> None:
    done = subprocess.run(RUNNER, env={**os.environ, **environ, **settings}, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert words in done.stderr


def test_production_is_assumed_when_nobody_says_where_this_is(environ: dict[str, str]) -> None:
    unsaid = {key: value for key, value in {**os.environ, **environ}.items() if key != "APP_ENV"}
    done = subprocess.run(RUNNER, env=unsaid, capture_output=True, text=True, timeout=60)
    assert done.returncode != 0
    assert "refused when APP_ENV is prod" in done.stderr


def refuses(environ: dict[str, str]) -> bool:
    """Whether the process takes no new connection any more."""
    try:
        socket.create_connection(("127.0.0.1", int(environ["PORT"])), 1).close()
    except ConnectionRefusedError:
        return True
    return False

"""Real processes for tests: started on a free port, waited for, and gone afterwards."""

import os
import socket
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import httpx

ROOT = Path(__file__).resolve().parents[1]


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


@contextmanager
def running(
    command: Sequence[str], environ: Mapping[str, str], *, ready: str, status: int = 200
) -> Iterator[subprocess.Popen[str]]:
    """A process that has answered `status` at the URL `ready`. It is killed when the block ends, if it still runs."""
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        wait_until_ready(process, ready, status)
        yield process
    finally:
        process.kill()
        process.wait()


def wait_until_ready(process: subprocess.Popen[str], url: str, status: int) -> None:
    """Waits until the URL answers so. Raises AssertionError with what the process said when it does not."""
    try:
        until(lambda: process.poll() is not None or answers(url, status), seconds=60)
        assert process.poll() is None
    except AssertionError as error:
        process.kill()
        raise AssertionError(f"{url} never answered: {process.communicate()[0]}") from error


def answers(url: str, status: int = 200) -> bool:
    """Whether a URL answers with a status now."""
    try:
        return httpx.get(url, timeout=2).status_code == status
    except httpx.TransportError:
        return False


def until(condition: Callable[[], bool], seconds: float = 20.0) -> None:
    """Waits until the condition holds. Raises AssertionError when it does not within `seconds`."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, f"not within {seconds} s"
        time.sleep(0.02)


def let_pass(folder: Path) -> Path:
    """Lets other users through pytest's own folders, down to this one: as root, PostgreSQL runs as another user."""
    for each in (folder, *folder.parents):
        each.chmod(0o711)
        if each.name.startswith("pytest-of-"):
            return folder
    raise ValueError(f"{folder} is not one of pytest's")

"""What the benchmarks share: processes on a free port with their times, and tables of ratios."""

import contextlib
import os
import resource
import socket
import statistics
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console
from rich.table import Table

ROOT = Path(__file__).resolve().parents[2]


@dataclass(frozen=True, slots=True)
class Start:
    """A start of a process, from spawn to its first 200: seconds on the clock and of CPU, and its memory then, in MiB."""

    wall: float
    cpu: float
    memory: float


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def start_once(command: Sequence[str], environ: Mapping[str, str], path: str) -> Start:
    """Starts a server on PORT, waits for its first 200 at `path`, and ends it."""
    port = free_port()
    began = time.perf_counter()
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    process = subprocess.Popen(
        command, cwd=ROOT, env={**os.environ, **environ, "PORT": str(port)}, stdout=subprocess.DEVNULL
    )
    _wait(process, port, path)
    wall = time.perf_counter() - began
    memory = _proportional_memory(process.pid)
    process.kill()
    process.wait()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return Start(wall, after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, memory)


@contextmanager
def running(command: Sequence[str], environ: Mapping[str, str], path: str) -> Iterator[str]:
    """A server while the block runs; its address, once it answers 200 at `path`."""
    port = free_port()
    settings = {**os.environ, **environ, "PORT": str(port)}
    process = subprocess.Popen(command, cwd=ROOT, env=settings, stdout=subprocess.DEVNULL)
    try:
        _wait(process, port, path)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def show(title: str, columns: Sequence[str], rows: Sequence[Sequence[object]]) -> None:
    """Prints a table."""
    table = Table(title=title, title_justify="left")
    for column in columns:
        table.add_column(column, justify="left" if column == columns[0] else "right")
    for row in rows:
        table.add_row(*(str(cell) for cell in row))
    Console().print(table)


def percentile(values: Sequence[float], percent: int) -> float:
    """The value that `percent` of all do not exceed."""
    return statistics.quantiles(values, n=100, method="inclusive")[percent - 1]


def _wait(process: subprocess.Popen[bytes], port: int, path: str) -> None:
    while not _answers(port, path):
        if process.poll() is not None:
            raise RuntimeError(f"{process.args!r} ended with {process.returncode}")


def _answers(port: int, path: str) -> bool:
    request = f"GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 5) as connection:
        connection.sendall(request)
        return connection.recv(12).endswith(b"200")
    time.sleep(0.002)
    return False


def _proportional_memory(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 1024
    raise RuntimeError("no proportional set size")

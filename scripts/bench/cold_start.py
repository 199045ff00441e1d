"""Cold start: every function, started as its image starts it, against a bare FastAPI hello in the same run."""

import statistics
import sys

from scripts import catalogue
from scripts.bench.measure import Start, show, start_once
from scripts.catalogue import Function

ROUNDS = 7
HELLO = [sys.executable, "-m", "uvicorn", "--log-level", "warning", "scripts.bench.hello:app"]


def main() -> None:
    """Measures and prints the table. Nothing listens behind the settings: a function starts without its database."""
    functions = catalogue.read_all()
    starts: dict[str, list[Start]] = {name: [] for name in ["FastAPI hello", *(each.name for each in functions)]}
    for _ in range(ROUNDS + 1):
        starts["FastAPI hello"].append(start_hello())
        for function in functions:
            starts[function.name].append(start_function(function))
    counted = {name: measured[1:] for name, measured in starts.items()}  # the first round warms the page cache
    hello = counted["FastAPI hello"]
    rows = [row(name, measured, hello) for name, measured in counted.items()]
    columns = ["spawn to first 200", "wall ms", "ratio", "CPU ms", "ratio", "PSS MiB"]
    show(f"Cold start, medians of {ROUNDS} rounds in turn", columns, rows)


def start_hello() -> Start:
    """One start of the hello."""
    return start_once(["sh", "-c", f'exec {" ".join(HELLO)} --port "$PORT"'], {}, "/")


def start_function(function: Function) -> Start:
    """One start of a function."""
    url = "postgresql://127.0.0.1:1/none"
    environ = {
        "APP_ENV": "dev",
        "AUTH_MODE": "dev",
        "HOST": "127.0.0.1",
        f"{function.service.upper()}_DATABASE_URL": url,
    }
    command = [sys.executable, "-m", "shared.runner", str(function.source)]
    return start_once(command, environ, f"{function.prefix}/healthz")


def row(name: str, measured: list[Start], hello: list[Start]) -> list[str]:
    """A line of the table; the ratios are medians of the rounds' ratios, so that a drifting machine does not matter."""
    wall, cpu = ([getattr(start, field) for start in measured] for field in ("wall", "cpu"))
    wall_ratio = statistics.median(start.wall / base.wall for start, base in zip(measured, hello, strict=True))
    cpu_ratio = statistics.median(start.cpu / base.cpu for start, base in zip(measured, hello, strict=True))
    memory = statistics.median(start.memory for start in measured)
    times = f"{statistics.median(wall) * 1000:.0f}", f"{wall_ratio:.2f}", f"{statistics.median(cpu) * 1000:.0f}"
    return [name, *times, f"{cpu_ratio:.2f}", f"{memory:.0f}"]

"""A gateway over the functions of tests/scripts/functions, on real processes and sockets."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts import catalogue
from scripts.catalogue import Function
from scripts.local.activator import Activator, Limits, Pool, State
from scripts.local.broker import Broker, Policy
from scripts.local.deliveries import Deliveries
from scripts.local.gateway import create_gateway
from scripts.local.launch import Launcher, ZygoteLauncher
from scripts.local.serving import serving
from scripts.local.sockets import listen, port_of
from scripts.local.status import describe

CASES = catalogue.ROOT / "tests" / "scripts" / "functions"
DEADLINE_SECONDS = 30.0


async def until(holds: Callable[[], Any]) -> None:
    """Waits until something holds; fails the test when it does not in time."""
    deadline = time.monotonic() + DEADLINE_SECONDS
    while True:
        result = holds()
        if await result if isinstance(result, Awaitable) else result:
            return
        assert time.monotonic() < deadline, "did not happen in time"
        await asyncio.sleep(0.02)


def is_alive(pid: int) -> bool:
    """Whether a process runs; one that has ended and waits to be reaped does not."""
    stat = Path(f"/proc/{pid}/stat")
    try:
        return stat.read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@dataclass
class Local:
    """What runs: `client` talks to the gateway, `broker_client` to the broker."""

    activator: Activator
    broker: Broker
    client: httpx.AsyncClient
    broker_client: httpx.AsyncClient
    book: Path
    letters: Path

    def pool(self, name: str = "cases-echo") -> Pool:
        return self.activator.pools[name]

    async def reaches(self, state: State, name: str = "cases-echo") -> None:
        await until(lambda: self.pool(name).state == state)

    def in_flight(self, name: str = "cases-echo") -> int:
        return sum(each.in_flight for each in self.pool(name).replicas)


Start = Callable[..., Awaitable[Local]]


@pytest.fixture(scope="session")
def zygote(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Launcher]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SHUTDOWN_GRACE_SECONDS", "1")  # the functions of these tests hold requests for ever
        launcher = ZygoteLauncher(tmp_path_factory.mktemp("zygote") / "zygote.log")
    yield launcher
    launcher.close()


@pytest.fixture
async def start(tmp_path: Path, zygote: Launcher) -> AsyncIterator[Start]:
    """Starts a gateway and a broker; `changes` replaces fields of every function."""
    async with AsyncExitStack() as stack:

        async def starting(
            limits: Limits | None = None, policy: Policy | None = None, launcher: Launcher = zygote, **changes: Any
        ) -> Local:
            functions = [replace(function, **changes) for function in catalogue.read_all(CASES)]
            return await _start(functions, launcher, limits or Limits(), policy or Policy(), tmp_path, stack)

        yield starting


@pytest.fixture
async def local(start: Start) -> Local:
    return await start()


async def _start(
    functions: list[Function], launcher: Launcher, limits: Limits, policy: Policy, folder: Path, stack: AsyncExitStack
) -> Local:
    book, letters = folder / "book.jsonl", folder / "broker.sqlite3"
    environ = {"PATH": os.environ["PATH"], "EVENTS_BOOK": str(book), "SHUTDOWN_GRACE_SECONDS": "1"}
    pools = [Pool(each, environ, launcher, folder / f"{each.name}.log", limits) for each in functions]
    activator = Activator(pools)
    stack.push_async_callback(activator.close)
    broker = Broker(Deliveries(letters), activator, policy)
    stack.push_async_callback(broker.close)
    broker.start()

    async def status() -> dict[str, Any]:
        return {
            "gateway": "",
            "functions": [describe(pool) for pool in pools],
            "parts": [],
            "broker": await broker.counts(),
        }

    clients = []
    for app in (create_gateway(activator, status), broker.app):
        listener = stack.enter_context(listen())
        await stack.enter_async_context(serving(app, listener))
        client = httpx.AsyncClient(base_url=f"http://127.0.0.1:{port_of(listener)}", timeout=DEADLINE_SECONDS)
        clients.append(await stack.enter_async_context(client))
    return Local(activator, broker, clients[0], clients[1], book, letters)

"""The whole platform on one machine: starts every part in order, waits until each is well, stops them in reverse order."""

import asyncio
import logging
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from psycopg import sql

from scripts import catalogue
from scripts.catalogue import FUNCTIONS, ROOT, Function
from scripts.local import environment, postgres
from scripts.local.activator import Activator, Limits, Pool
from scripts.local.broker import Broker, Policy
from scripts.local.deliveries import Deliveries
from scripts.local.environment import Addresses
from scripts.local.gateway import create_gateway
from scripts.local.home import Home
from scripts.local.launch import ColdLauncher, Launcher, ZygoteLauncher
from scripts.local.parts import Part, StartError, failed, log_file
from scripts.local.schedules import Schedules
from scripts.local.serving import serving
from scripts.local.sockets import listen_near, port_of
from scripts.local.status import describe, describe_part
from shared.log import JsonFormatter

log = logging.getLogger(__name__)

_PART_SECONDS = 90.0

Report = Callable[[str], None]
Status = Callable[[], Awaitable[dict[str, Any]]]


@dataclass(frozen=True, slots=True)
class Options:
    """How to run it: `cold` starts functions as the image does, `idle` is in seconds."""

    home: Path
    port: int = 8080
    cold: bool = False
    idle: float = 30.0


@dataclass(frozen=True, slots=True)
class Running:
    """A platform that is up. `gateway` is its address, without a slash at the end."""

    gateway: str
    functions: list[Function]
    status: Status


@asynccontextmanager
async def platform(options: Options, report: Report) -> AsyncIterator[Running]:
    """The platform while the block runs; `report` gets a line for each part that is up. Raises StartError."""
    async with AsyncExitStack() as stack:
        yield await _Start(options, stack, report).run()


class _Start:
    """The steps of a start, in order; the stack undoes them in reverse."""

    def __init__(self, options: Options, stack: AsyncExitStack, report: Report) -> None:
        self._options = options
        self._stack = stack
        self._report = report
        self._home = Home(options.home)
        stack.enter_context(self._home.locked())
        self._secrets = self._home.secrets()

    async def run(self) -> Running:
        enter = self._stack.enter_context
        enter(_logging_to(self._log("platform")))
        functions = catalogue.read_all()
        broker_socket, objects_socket = enter(self._home.listen("broker")), enter(self._home.listen("objects"))
        gateway_socket = enter(listen_near(self._options.port))
        launcher = self._launcher()
        # The parts import for a second or two; PostgreSQL starts meanwhile.
        at = self._addresses(gateway_socket, broker_socket, objects_socket)
        parts = [await self._objects(objects_socket, at), await self._llm_host(at)]
        database_url = self._database()
        with self._step("migrations"):
            await self._migrate(database_url)
        for part in parts:
            with self._step(part.name):
                await part.ready(_PART_SECONDS)
        if isinstance(launcher, ZygoteLauncher):
            with self._step("zygote"):
                await launcher.ready()
        activator = self._activator(functions, launcher, at, database_url)
        broker = await self._broker(activator, broker_socket)

        async def status() -> dict[str, Any]:
            return {
                "gateway": at.gateway,
                "functions": [describe(pool) for pool in activator.pools.values()],
                "parts": [describe_part(part) for part in parts],
                "broker": await broker.counts(),
            }

        with self._step("gateway"):
            await self._stack.enter_async_context(serving(create_gateway(activator, status), gateway_socket))
        enter(self._home.announced(at.gateway))
        return Running(at.gateway, functions, status)

    def _addresses(self, gateway: socket.socket, broker: socket.socket, objects: socket.socket) -> Addresses:
        if port_of(gateway) != self._options.port:
            self._report(f"{self._options.port}번 포트는 이미 쓰이고 있어 {port_of(gateway)}번을 씁니다.")
        with self._home.listen("llm-host") as llm_host:  # it makes its own socket; this finds it a free port
            llm_host_port = port_of(llm_host)
        return Addresses(
            gateway=f"http://localhost:{port_of(gateway)}",
            broker_url=f"http://127.0.0.1:{port_of(broker)}/broker",
            s3_url=f"http://127.0.0.1:{port_of(objects)}",
            llm_host_url=f"http://127.0.0.1:{llm_host_port}",
        )

    def _launcher(self) -> Launcher:
        launcher = ColdLauncher() if self._options.cold else ZygoteLauncher(self._log("zygote"))
        self._stack.callback(launcher.close)
        return launcher

    async def _objects(self, listener: socket.socket, at: Addresses) -> Part:
        command = environment.objects_command(listener.fileno(), str(self._home.folder / "objects"), at)
        environ = environment.for_objects(self._secrets)
        return await self._part("objects", command, environ, f"{at.s3_url}/_ready", [listener.fileno()])

    async def _llm_host(self, at: Addresses) -> Part:
        environ = environment.for_llm_host(str(self._home.folder / "llm-host"), at, self._secrets)
        return await self._part("llm-host", [sys.executable, "-m", "llm_host"], environ, f"{at.llm_host_url}/readyz")

    async def _part(
        self, name: str, command: list[str], environ: dict[str, str], health: str, descriptors: Sequence[int] = ()
    ) -> Part:
        part = Part(name, command, environ, health=health, log_file=self._log(name), descriptors=descriptors)
        self._stack.push_async_callback(part.stop)
        await part.start()
        return part

    def _database(self) -> str:
        """The administrator's URL of the database: of DATABASE_URL, or of an embedded server."""
        if given := os.environ.get("DATABASE_URL"):
            self._report(f"postgres: DATABASE_URL의 서버를 씁니다 ({urlsplit(given).hostname}).")
            return given
        with self._step("postgres"):
            try:
                server = postgres.start(self._home.folder)
            except postgres.PostgresError as error:
                raise StartError(f"postgres: 시작하지 못했습니다. (postgres did not start.)\n{error}") from error
            self._stack.callback(server.stop)
            postgres.create_database(server, "baeum")
        return server.url()

    async def _migrate(self, database_url: str) -> None:
        """Runs the migrations, then gives each service's own role a way to log in."""
        services = sorted(tables.parent.name for tables in FUNCTIONS.glob("*/tables.py"))
        admin = {f"{service.upper()}_DATABASE_ADMIN_URL": database_url for service in services}
        file = self._log("migrations")
        with file.open("ab") as output:
            process = await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "scripts.cli", "migrate"),
                cwd=ROOT,
                env={**os.environ, **admin},
                stdout=output,
                stderr=output,
            )
            if await process.wait():
                raise failed("migrations", "데이터베이스를 준비하지 못했습니다", "could not prepare the database", file)
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            for service in services:
                role, password = sql.Identifier(f"baeum_{service}"), sql.Literal(self._secrets.database_password)
                await connection.execute(sql.SQL("ALTER ROLE {} LOGIN PASSWORD {}").format(role, password))

    def _activator(self, functions: list[Function], launcher: Launcher, at: Addresses, database_url: str) -> Activator:
        limits = Limits(idle=self._options.idle)
        pools = []
        for function in functions:
            environ = environment.for_function(function, at, database_url, self._secrets)
            pools.append(Pool(function, environ, launcher, self._log(function.name), limits))
        activator = Activator(pools)
        self._stack.push_async_callback(activator.close)
        return activator

    async def _broker(self, activator: Activator, listener: socket.socket) -> Broker:
        broker = Broker(Deliveries(self._home.private_file("broker.sqlite3")), activator, Policy())
        self._stack.push_async_callback(broker.close)
        with self._step("broker"):
            await self._stack.enter_async_context(serving(broker.app, listener))
            broker.start()
        functions = [pool.function for pool in activator.pools.values()]
        schedules = asyncio.create_task(Schedules(functions, broker.publish).run())
        schedules.add_done_callback(_tell_of_end)
        self._stack.callback(schedules.cancel)
        return broker

    def _log(self, name: str) -> Path:
        return log_file(self._home.folder, name)

    @contextmanager
    def _step(self, name: str) -> Iterator[None]:
        started = time.monotonic()
        yield
        self._report(f"{name} ({time.monotonic() - started:.1f} s)")


@contextmanager
def _logging_to(file: Path) -> Iterator[None]:
    """The platform's own log lines go to a file, as JSON."""
    handler = logging.FileHandler(file)
    handler.setFormatter(JsonFormatter("platform"))
    logging.basicConfig(handlers=[handler], level=os.environ.get("LOG_LEVEL", "INFO"), force=True)
    logging.getLogger("httpx").setLevel(logging.WARNING)
    try:
        yield
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


def _tell_of_end(task: asyncio.Task[None]) -> None:
    if not task.cancelled():
        log.critical("the schedules have stopped", exc_info=task.exception())

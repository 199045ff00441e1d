"""From zero and back: starts a function's processes when requests come, queues what they cannot take, lets idle ones go."""

import asyncio
import os
import signal
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

import httpx

from scripts.catalogue import Function
from scripts.local.launch import Launcher, Process
from scripts.local.parts import tail
from scripts.local.sockets import listen, port_of
from shared.errors import Problem, unavailable


class State(StrEnum):
    """What a function is doing, as a whole."""

    ZERO = "zero"
    STARTING = "starting"
    READY = "ready"
    DRAINING = "draining"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Limits:
    """The platform's patience, in seconds except for `queue` (requests)."""

    idle: float = 30.0  # without a request, before a process is let go
    start: float = 60.0  # from start to the first healthy answer
    queue: int = 200
    wait: float = 60.0  # in the queue
    drain: float = 45.0  # from SIGTERM to SIGKILL; a function needs up to 30
    back_off: float = 0.5  # after a failed start, doubled with each further one
    back_off_most: float = 30.0


class FunctionCrashed(Problem):
    """A function did not start: a 503 problem that carries the last lines of its log."""

    def __init__(self, name: str, status: str, log: list[str], retry_after: int) -> None:
        detail = f"함수 {name}이(가) 시작하지 못했습니다({status}). 로그의 마지막 줄을 확인해 주세요."
        super().__init__(503, "function.failed", detail, retry_after=retry_after, errors=[{"log": log}])


@dataclass(eq=False, slots=True)
class Replica:
    """One process of a function."""

    process: Process
    client: httpx.AsyncClient
    in_flight: int = 0
    ready: bool = False
    draining: bool = False
    lost: bool = False  # it refuses connections: it has ended, and will be told so in a moment
    idle_timer: asyncio.TimerHandle | None = None

    @property
    def serving(self) -> bool:
        """Whether it takes requests."""
        return self.ready and not self.draining and not self.lost

    def memory(self) -> int | None:
        """Its proportional share of memory in bytes; None where the kernel does not tell."""
        with suppress(OSError):
            for line in Path(f"/proc/{self.process.pid}/smaps_rollup").read_text().splitlines():
                if line.startswith("Pss:"):
                    return int(line.split()[1]) * 1024
        return None


@dataclass(slots=True)
class Failure:
    """The last failed start, until one succeeds."""

    status: str
    log: list[str]
    times: int
    until: float


@dataclass(slots=True)
class Counters:
    """What happened since the platform started."""

    requests: int = 0
    starts: int = 0
    crashes: int = 0
    cold_start_ms: int | None = None  # the last one, from the first request to the first healthy answer


class Pool:
    """The processes of one function, and the requests that wait for them."""

    def __init__(
        self, function: Function, environ: Mapping[str, str], launcher: Launcher, log: Path, limits: Limits
    ) -> None:
        self.function = function
        self.counters = Counters()
        self.failure: Failure | None = None
        self.log = log
        self._environ = environ
        self._launcher = launcher
        self._limits = limits
        self._replicas: list[Replica] = []
        self._waiting: deque[asyncio.Future[Replica]] = deque()
        self._lives: set[asyncio.Task[None]] = set()
        self._closed = False

    @property
    def state(self) -> State:
        """Ready if any process is; otherwise how far the furthest one has come."""
        if any(replica.serving for replica in self._replicas):
            return State.READY
        if self._starting():
            return State.STARTING
        if self.failure:
            return State.FAILED
        return State.DRAINING if self._replicas else State.ZERO

    @property
    def replicas(self) -> list[Replica]:
        """The processes that run, those that are leaving included."""
        return list(self._replicas)

    @property
    def waiting(self) -> int:
        """How many requests wait for a process."""
        return len(self._waiting)

    @asynccontextmanager
    async def slot(self) -> AsyncIterator[Replica]:
        """A process with room for one more request, for as long as the request lasts.

        Raises a 503 problem with Retry-After: the queue is full, the wait too long, or the function does not start.
        """
        replica = await self._acquire()
        self.counters.requests += 1
        try:
            yield replica
        finally:
            self._release(replica)

    def log_tail(self) -> list[str]:
        """The last lines that the function wrote."""
        return tail(self.log)

    async def close(self) -> None:
        """Lets every process finish what it does, and go."""
        self._closed = True
        self._fail_waiting(unavailable("platform.stopping", "플랫폼을 끄는 중입니다. 다시 켜진 뒤 시도해 주세요."))
        for replica in self._replicas:
            self._retire(replica)
        if self._lives:
            await asyncio.wait(self._lives)

    async def _acquire(self) -> Replica:
        if replica := self._free():
            return self._take(replica)
        if self.failure and self.state == State.FAILED and (pause := self._pause()) > 0:
            raise FunctionCrashed(self.function.name, self.failure.status, self.failure.log, 1 + int(pause))
        if self._closed or len(self._waiting) >= self._limits.queue:
            raise self._busy()
        waiter: asyncio.Future[Replica] = asyncio.get_running_loop().create_future()
        self._waiting.append(waiter)
        self._scale_up()
        try:
            async with asyncio.timeout(self._limits.wait):
                return await waiter
        except BaseException as error:
            self._give_up(waiter)
            if isinstance(error, TimeoutError):
                raise self._busy() from error
            raise

    def _give_up(self, waiter: asyncio.Future[Replica]) -> None:
        """A request that no longer waits gives back the place it may have been handed at the same moment."""
        if waiter in self._waiting:
            self._waiting.remove(waiter)
        elif waiter.done() and not waiter.cancelled() and waiter.exception() is None:
            self._release(waiter.result())

    def _busy(self) -> Problem:
        detail = "요청이 많아 지금 처리할 수 없습니다. 잠시 후 다시 시도해 주세요."
        return unavailable("function.busy", detail, retry_after=5)

    def _pause(self) -> float:
        """Seconds until the next start may be tried after one that failed."""
        return self.failure.until - asyncio.get_running_loop().time() if self.failure else 0

    def _starting(self) -> int:
        return len(self._lives) - sum(replica.ready or replica.draining for replica in self._replicas)

    def _free(self) -> Replica | None:
        able = [
            replica for replica in self._replicas if replica.serving and replica.in_flight < self.function.concurrency
        ]
        # The busiest first, so that the others can become idle and go.
        return max(able, key=lambda replica: replica.in_flight, default=None)

    def _take(self, replica: Replica) -> Replica:
        if replica.idle_timer:
            replica.idle_timer.cancel()
        replica.in_flight += 1
        return replica

    def _release(self, replica: Replica) -> None:
        replica.in_flight -= 1
        self._hand_out()
        if replica.in_flight == 0:
            self._watch_idle(replica)

    def _hand_out(self) -> None:
        while self._waiting and (replica := self._free()):
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(self._take(replica))

    def _watch_idle(self, replica: Replica) -> None:
        if replica.idle_timer:
            replica.idle_timer.cancel()
        replica.idle_timer = asyncio.get_running_loop().call_later(self._limits.idle, self._retire, replica)

    def _retire(self, replica: Replica) -> None:
        """No new request from now on; SIGTERM, and SIGKILL if that is not enough."""
        if replica.draining or replica not in self._replicas:
            return
        replica.draining = True
        _signal(replica.process.pid, signal.SIGTERM)
        loop = asyncio.get_running_loop()
        replica.idle_timer = loop.call_later(self._limits.drain, _signal, replica.process.pid, signal.SIGKILL)

    def _scale_up(self) -> None:
        """Starts as many processes as those who wait need and the function may have; after a failure, not at once."""
        if (pause := self._pause()) > 0:
            asyncio.get_running_loop().call_later(pause, self._scale_up)
            return
        living = len(self._lives) - sum(replica.draining or replica.lost for replica in self._replicas)
        coming = self._starting() * self.function.concurrency
        while living < self.function.max_scale and coming < len(self._waiting) and not self._closed:
            life = asyncio.create_task(self._live())
            self._lives.add(life)
            life.add_done_callback(self._ended)
            living += 1
            coming += self.function.concurrency

    def _ended(self, life: asyncio.Task[None]) -> None:
        self._lives.discard(life)
        if error := life.exception():
            self._fail(repr(error))
        if self._waiting:
            self._scale_up()

    async def _live(self) -> None:
        """The life of one process, from the socket it will serve to its exit."""
        loop = asyncio.get_running_loop()
        started = loop.time()
        with listen() as listener:
            port = port_of(listener)
            process = await self._launcher.start(self.function.source, self._environ, listener, self.log)
        limits = httpx.Limits(max_connections=None, keepalive_expiry=60)
        timeout = httpx.Timeout(None, connect=5)
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}", limits=limits, timeout=timeout) as client:
            replica = Replica(process, client)
            self._replicas.append(replica)
            self.counters.starts += 1
            exited = asyncio.create_task(process.wait())
            trouble = "stopped" if self._closed else await self._trouble(replica, exited)
            if trouble is None:
                self.counters.cold_start_ms = round((loop.time() - started) * 1000)
                self._opened(replica)
            else:
                _signal(replica.process.pid, signal.SIGKILL) if not exited.done() else None
            status = await exited
            self._gone(replica, trouble or f"exit status {status}")

    async def _trouble(self, replica: Replica, exited: asyncio.Task[int]) -> str | None:
        """Why the process cannot serve, once its health check, its end or the deadline has come; None if it can."""
        request = asyncio.create_task(replica.client.get(f"{self.function.prefix}/healthz"))
        await asyncio.wait({request, exited}, timeout=self._limits.start, return_when=asyncio.FIRST_COMPLETED)
        if exited.done():
            request.cancel()
            await asyncio.gather(request, return_exceptions=True)
            return f"exit status {exited.result()}"
        if not request.done():
            request.cancel()
            return f"no answer to the health check within {self._limits.start:g} s"
        try:
            status = request.result().status_code
        except httpx.TransportError:
            return f"exit status {await exited}"
        return None if status == 200 else f"the health check answered {status}"

    def _opened(self, replica: Replica) -> None:
        replica.ready = True
        self.failure = None
        self._hand_out()
        if replica.in_flight == 0:
            self._watch_idle(replica)

    def _gone(self, replica: Replica, why: str) -> None:
        self._replicas.remove(replica)
        if replica.idle_timer:
            replica.idle_timer.cancel()
        if replica.draining:
            return
        self.counters.crashes += 1
        if not replica.ready:
            self._fail(why)

    def _fail(self, status: str) -> None:
        """A start failed: those who wait are told, and the next attempt comes later each time."""
        times = self.failure.times + 1 if self.failure else 1
        pause = min(self._limits.back_off * 2 ** (times - 1), self._limits.back_off_most)
        until = asyncio.get_running_loop().time() + pause
        self.failure = Failure(status, self.log_tail(), times, until)
        if not any(replica.serving for replica in self._replicas):
            self._fail_waiting(FunctionCrashed(self.function.name, status, self.failure.log, 1 + int(pause)))

    def _fail_waiting(self, problem: Problem) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(problem)


class Activator:
    """The pools of all functions."""

    def __init__(self, pools: list[Pool]) -> None:
        self.pools = {pool.function.name: pool for pool in pools}

    def route(self, path: str) -> Pool | None:
        """The pool that answers a path: the one whose prefix it is under."""
        for pool in self.pools.values():
            if path == pool.function.prefix or path.startswith(f"{pool.function.prefix}/"):
                return pool
        return None

    async def close(self) -> None:
        """Lets all processes go, at the same time."""
        await asyncio.gather(*(pool.close() for pool in self.pools.values()))


def _signal(pid: int, number: signal.Signals) -> None:
    with suppress(ProcessLookupError):
        os.kill(pid, number)

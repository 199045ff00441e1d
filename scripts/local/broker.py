"""The broker: takes CloudEvents, and delivers each to the functions that take its type until they have it.

Retries as Knative's Broker does (eventing `pkg/kncloudevents/retries.go`): no answer, 5xx, 404, 408, 409 and 429 are tried
again with exponential back-off; any other answer but 2xx is final and makes a dead letter at once.
"""

import asyncio
import logging
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from typing import TypeVar

import httpx
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from scripts.local.activator import Activator, Pool
from scripts.local.deliveries import Deliveries, Delivery
from shared.errors import Problem
from shared.events import CloudEvent, parse

log = logging.getLogger(__name__)

_TRIED_AGAIN = frozenset({404, 408, 409, 429})
_LOOK_AGAIN_SECONDS = 1.0  # for what `baeum events replay` has put back from outside
_RESPONSE_CHARACTERS = 4000

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Policy:
    """How stubborn the broker is; seconds."""

    attempts: int = 8
    back_off: float = 0.5
    back_off_most: float = 60.0
    at_once: int = 32  # deliveries to one function at the same time, if it can take so many


class Broker:
    """Delivers what it has accepted, also after a crash."""

    def __init__(self, deliveries: Deliveries, activator: Activator, policy: Policy) -> None:
        self.delivered = 0
        self._deliveries = deliveries
        self._pools = activator.pools
        self._policy = policy
        self._thread = ThreadPoolExecutor(1, "broker")  # SQLite waits for the disk; the event loop must not
        self._news = {name: asyncio.Event() for name in self._pools}
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def app(self) -> Starlette:
        """The HTTP side: `POST /broker` with an event in either content mode is 202 once it is on disk."""
        return Starlette(
            routes=[Route("/broker", self._receive, methods=["POST"])], exception_handlers={Problem: _problem}
        )

    def start(self) -> None:
        """Begins to deliver, first of all what was left from before."""
        for pool in self._pools.values():
            self._spawn(self._serve(pool))

    async def publish(self, event: CloudEvent, to: Sequence[str] | None = None) -> None:
        """Accepts an event: for the functions that take its type, or for those named. On disk when it returns."""
        functions = _takers(self._pools.values(), event.type) if to is None else to
        if not functions:
            log.info("nobody takes the event", extra={"event_id": event.id, "event_type": event.type})
            return
        await self._in_thread(lambda: self._deliveries.accept(event, functions, time.time()))
        for function in functions:
            self._news[function].set()

    async def counts(self) -> dict[str, int]:
        """What was delivered since the start, is waiting, and is dead."""
        return {"delivered": self.delivered, **await self._in_thread(self._deliveries.counts)}

    async def close(self) -> None:
        """Stops delivering; what is on its way counts as not delivered and comes again after the next start."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._thread.shutdown()
        self._deliveries.close()

    async def _receive(self, request: Request) -> Response:
        await self.publish(parse(dict(request.headers), await request.body()))
        return Response(status_code=202)

    async def _serve(self, pool: Pool) -> None:
        """Delivers to one function, a limited number at a time."""
        name = pool.function.name
        limit = min(pool.function.concurrency * pool.function.max_scale, self._policy.at_once)
        under_way: set[int] = set()
        while True:
            self._news[name].clear()
            asked = limit + len(under_way)
            for delivery in await self._in_thread(lambda: self._deliveries.due(name, time.time(), asked)):  # noqa: B023
                if delivery.number not in under_way and len(under_way) < limit:
                    under_way.add(delivery.number)
                    self._spawn(self._deliver(delivery, pool, under_way))
            with suppress(TimeoutError):
                await asyncio.wait_for(self._news[name].wait(), _LOOK_AGAIN_SECONDS)

    async def _deliver(self, delivery: Delivery, pool: Pool, under_way: set[int]) -> None:
        status, response = await _post(delivery, pool)
        await self._settle(delivery, status, response)
        under_way.remove(delivery.number)
        self._news[delivery.function].set()

    async def _settle(self, delivery: Delivery, status: int | None, response: str) -> None:
        if status is not None and 200 <= status < 300:
            self.delivered += 1
            await self._in_thread(lambda: self._deliveries.delivered(delivery))
            return
        attempts = delivery.attempts + 1
        facts = {"event_id": delivery.id, "event_type": delivery.type, "to": delivery.function, "status": status}
        if _is_final(status) or attempts >= self._policy.attempts:
            log.error("dead letter", extra=facts | {"attempts": attempts, "response": response[:500]})
            await self._in_thread(lambda: self._deliveries.give_up(delivery, status, response))
            return
        pause = min(self._policy.back_off * 2 ** (attempts - 1), self._policy.back_off_most)
        log.warning("delivery failed", extra=facts | {"attempts": attempts, "again_in": pause})
        due = time.time() + pause
        await self._in_thread(lambda: self._deliveries.try_again(delivery, due, status, response))
        asyncio.get_running_loop().call_later(pause, self._news[delivery.function].set)

    def _spawn(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()):
            log.critical("the broker does not deliver any more", exc_info=error)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._thread, work)


def _takers(pools: Iterable[Pool], type_: str) -> list[str]:
    return [pool.function.name for pool in pools if type_ in pool.function.takes]


def _is_final(status: int | None) -> bool:
    return status is not None and status < 500 and status not in _TRIED_AGAIN


async def _post(delivery: Delivery, pool: Pool) -> tuple[int | None, str]:
    """Delivers once, starting the function if need be: the answer's status (None without an answer) and text."""
    try:
        async with asyncio.timeout(pool.function.timeout_seconds), pool.slot() as replica:
            answer = await replica.client.post("/_events", headers=dict(delivery.headers), content=delivery.body)
            return answer.status_code, answer.text[:_RESPONSE_CHARACTERS]
    except Problem as problem:
        return problem.status, problem.detail
    except (httpx.TransportError, TimeoutError) as error:
        return None, repr(error)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()

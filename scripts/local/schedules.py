"""The clock of the platform: events that a function asked for at certain times, delivered to that function alone."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from cronsim import CronSim

from scripts.catalogue import Function
from shared.events import CloudEvent
from shared.ids import derived_id

ZONE = ZoneInfo("Asia/Seoul")

Publish = Callable[[CloudEvent, list[str]], Awaitable[None]]
Clock = Callable[[], datetime]


def utc_now() -> datetime:
    """The time."""
    return datetime.now(UTC)


class Schedules:
    """Publishes each scheduled event when its time comes; times at which the platform was off are not made up for."""

    def __init__(self, functions: Iterable[Function], publish: Publish, clock: Clock = utc_now) -> None:
        self._publish = publish
        self._clock = clock
        started = clock().astimezone(ZONE)
        self._crons = [
            (function.name, schedule.type, CronSim(schedule.cron, started))
            for function in functions
            for schedule in function.schedules
        ]
        self._next = [next(cron) for _, _, cron in self._crons]

    async def tick(self) -> None:
        """Publishes what has come due since the last time: once each, however long ago that was."""
        now = self._clock()
        for index, (name, type_, cron) in enumerate(self._crons):
            due = None
            while self._next[index] <= now:
                due = self._next[index]
                self._next[index] = next(cron)
            if due is not None:
                await self._publish(_event(name, type_, due.astimezone(UTC)), [name])

    async def run(self) -> None:
        """Ticks every second, for ever."""
        while True:
            await self.tick()
            await asyncio.sleep(1)


def _event(function: str, type_: str, due: datetime) -> CloudEvent:
    identity = derived_id("schedule", function, type_, due.isoformat())
    return CloudEvent(type=type_, source="/schedules", subject=function, id=str(identity), time=due)

"""The clock of the platform, with a clock that the test turns."""

from datetime import UTC, datetime, timedelta
from pathlib import Path

from scripts.catalogue import Function, Schedule
from scripts.local.schedules import Schedules
from shared.events import CloudEvent

START = datetime(2026, 3, 2, 23, 59, 30, tzinfo=UTC)  # 08:59:30 in Seoul


def function(*schedules: Schedule, group: str = "sessions") -> Function:
    folder = Path("functions", "chat", group)
    return Function("chat", group, str(folder / "main.py"), "", "event", 1, 1, 60, (), (), (), schedules, None)


class Platform:
    """A clock, and what was published with it."""

    def __init__(self, *functions: Function) -> None:
        self.now = START
        self.published: list[tuple[CloudEvent, list[str]]] = []
        self.schedules = Schedules(functions, self.publish, lambda: self.now)

    async def publish(self, event: CloudEvent, to: list[str]) -> None:
        self.published.append((event, to))

    async def after(self, **time: float) -> list[str]:
        """The types published by a tick after some time."""
        self.now += timedelta(**time)
        self.published.clear()
        await self.schedules.tick()
        return [event.type for event, _ in self.published]


async def test_an_event_comes_when_its_time_has_come_and_once() -> None:
    platform = Platform(function(Schedule("* * * * *", "minute")))
    assert await platform.after(seconds=29) == []
    assert await platform.after(seconds=1) == ["minute"]
    assert await platform.after(seconds=1) == []
    assert await platform.after(seconds=59) == ["minute"]


async def test_only_the_function_that_asked_gets_it() -> None:
    platform = Platform(function(Schedule("* * * * *", "minute")), function(group="messages"))
    await platform.after(minutes=1)
    [(event, to)] = platform.published
    assert to == ["chat-sessions"]
    assert (event.source, event.subject) == ("/schedules", "chat-sessions")
    assert event.time == datetime(2026, 3, 3, tzinfo=UTC)


async def test_the_times_are_those_of_seoul() -> None:
    platform = Platform(function(Schedule("0 9 * * *", "morning")))
    assert await platform.after(seconds=29) == []
    assert await platform.after(seconds=1) == ["morning"]
    assert await platform.after(hours=23, minutes=59) == []
    assert await platform.after(minutes=1) == ["morning"]


async def test_after_a_long_sleep_it_comes_once_and_not_for_every_time_missed() -> None:
    platform = Platform(function(Schedule("* * * * *", "minute")))
    assert await platform.after(hours=8) == ["minute"]
    assert await platform.after(seconds=60) == ["minute"]


async def test_the_same_time_has_the_same_event_id() -> None:
    first, second = (Platform(function(Schedule("* * * * *", "minute"))) for _ in range(2))
    await first.after(minutes=1)
    await second.after(minutes=1)
    assert first.published[0][0].id == second.published[0][0].id
    await second.after(minutes=1)
    assert first.published[0][0].id != second.published[0][0].id

"""The always-on parts: who did not start is named with its last words, who falls gets up."""

import os
import sys
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from scripts.local.parts import Part, StartError
from scripts.local.sockets import listen, port_of
from tests.scripts.local.conftest import until

SERVE = "import http.server, sys; http.server.test(http.server.SimpleHTTPRequestHandler, port=int(sys.argv[1]), bind='127.0.0.1')"

StartPart = Callable[..., Awaitable[Part]]


@pytest.fixture
async def start(tmp_path: Path) -> AsyncIterator[StartPart]:
    with listen() as listener:
        port = port_of(listener)
    async with AsyncExitStack() as stack:

        async def starting(code: str) -> Part:
            command = [sys.executable, "-c", code, str(port)]
            health = f"http://127.0.0.1:{port}/"
            part = Part("thing", command, dict(os.environ), health=health, log_file=tmp_path / "thing.log")
            stack.push_async_callback(part.stop)
            await part.start()
            return part

        yield starting


async def test_a_part_that_ends_while_starting_is_named_with_its_last_words(start: StartPart) -> None:
    part = await start("print('the disk is full'); exit(3)")
    with pytest.raises(StartError) as caught:
        await part.ready(30)
    assert "thing: 시작하다가 종료되었습니다" in str(caught.value)
    assert "ended while starting" in str(caught.value)
    assert "the disk is full" in str(caught.value)


async def test_a_part_that_does_not_answer_in_time_is_named(start: StartPart) -> None:
    part = await start("import signal; signal.pause()")
    with pytest.raises(StartError, match=r"thing: 0\.2초 안에 준비되지 않았습니다"):
        await part.ready(0.2)


async def test_a_part_that_falls_is_started_again(start: StartPart) -> None:
    part = await start(SERVE)
    await part.ready(30)
    first = part.pid
    os.kill(first, 9)
    await until(lambda: not part.running)
    await until(lambda: part.running and part.pid != first)


async def test_a_part_that_ignores_the_request_to_stop_is_killed(
    start: StartPart, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("scripts.local.parts._STOP_SECONDS", 0.2)
    part = await start("import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN);" + SERVE)
    await part.ready(30)
    await part.stop()
    assert not part.running

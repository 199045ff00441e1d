"""The whole platform as a person starts it: it comes up, answers, and leaves nothing behind."""

import asyncio
import os
import shutil
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest

from scripts.catalogue import ROOT
from scripts.local.home import Home
from tests.scripts.local.conftest import is_alive, until

UP_SECONDS = 120.0


@pytest.fixture
def home() -> Iterator[Path]:
    """A home that PostgreSQL's user can reach as well."""
    folder = Path(tempfile.mkdtemp(prefix="baeum-test-"))
    folder.chmod(0o711)
    yield folder
    shutil.rmtree(folder)


BAEUM = (sys.executable, "-m", "scripts.cli")


class Command:
    """A running command of the project's."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def start(cls, *arguments: str, program: tuple[str, ...] = BAEUM) -> "Command":
        return cls(
            await asyncio.create_subprocess_exec(
                *(*program, *arguments),
                cwd=ROOT,
                env={**os.environ, "COLUMNS": "200"},
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
            )
        )

    @classmethod
    async def says(cls, *arguments: str, program: tuple[str, ...] = BAEUM) -> str:
        """What a command prints; it must succeed."""
        command = await cls.start(*arguments, program=program)
        output = await command.output()
        assert command.process.returncode == 0, output
        return output

    async def output(self) -> str:
        output, _ = await asyncio.wait_for(self.process.communicate(), UP_SECONDS)
        return output.decode()


async def started(home: Path, *arguments: str) -> tuple[Command, str]:
    """A platform that is up, and its gateway's address."""
    command = await Command.start("up", "--home", str(home), "--port", "18080", *arguments)
    await until(lambda: Home(home).running_at() or command.process.returncode is not None)
    assert command.process.returncode is None, await command.output()
    gateway = Home(home).running_at()
    assert gateway
    return command, gateway


def descendants(pid: int) -> set[int]:
    """Every process that a process has started, directly or not."""
    parents: dict[int, int] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if fields[0] != "Z":
            parents[int(stat.parent.name)] = int(fields[1])
    found = {pid}
    while more := {child for child, parent in parents.items() if parent in found} - found:
        found |= more
    return found - {pid}


def ports(status: dict[str, Any]) -> list[int]:
    urls = [status["gateway"], *(part["address"] for part in status["parts"])]
    return [port for url in urls if (port := httpx.URL(url).port)]


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0


@pytest.mark.skipif(sys.platform != "linux", reason="looks for processes in /proc")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
async def test_it_comes_up_once_answers_and_leaves_neither_processes_nor_ports(
    home: Path, number: signal.Signals
) -> None:
    command, gateway = await started(home)
    async with httpx.AsyncClient(base_url=gateway, timeout=30) as client:
        assert (await client.get("/api/chat/sessions/readyz")).json()["status"] == "ok"
        status = (await client.get("/_platform/status.json")).json()
        assert "배움" in (await client.get("/")).text
    assert {part["name"]: part["running"] for part in status["parts"]} == {"objects": True, "llm-host": True}
    assert "chat-sessions" in await Command.says("ps", "--home", str(home))
    second = await Command.start("up", "--once", "--home", str(home))
    assert f"이미 실행 중입니다: {gateway}" in await second.output()
    assert second.process.returncode == 1
    processes = descendants(command.process.pid)
    assert len(processes) > 5

    command.process.send_signal(number)

    assert await asyncio.wait_for(command.process.wait(), 60) == (-9 if number == signal.SIGKILL else 0)
    await until(lambda: not any(is_alive(pid) for pid in processes))
    await until(lambda: all(is_free(port) for port in ports(status)))


async def test_a_second_start_loses_nothing_and_finds_its_addresses_again(home: Path) -> None:
    user = {"X-User-UUID": "01920000-0000-7000-8000-000000000001"}
    command, gateway = await started(home)
    async with httpx.AsyncClient(base_url=gateway, headers=user, timeout=30) as client:
        made = (await client.post("/api/chat/sessions", json={"title": "휴가"})).raise_for_status().json()
        before = ports((await client.get("/_platform/status.json")).json())
    command.process.send_signal(signal.SIGKILL)
    await command.process.wait()
    assert "실행 중인 플랫폼이 없습니다" in await (await Command.start("ps", "--home", str(home))).output()

    command, gateway = await started(home, "--cold")
    async with httpx.AsyncClient(base_url=gateway, headers=user, timeout=30) as client:
        assert (await client.get(f"/api/chat/sessions/{made['id']}")).json()["title"] == "휴가"
        assert ports((await client.get("/_platform/status.json")).json())[1:] == before[1:]
    command.process.terminate()
    assert await command.process.wait() == 0


async def test_a_database_that_cannot_be_reached_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgresql://nobody:wrong@127.0.0.1:9/nothing")
    command = await Command.start("up", "--once", "--home", str(home))
    output = await command.output()
    assert command.process.returncode == 1
    assert "migrations: 데이터베이스를 준비하지 못했습니다" in output
    assert "Connection refused" in output


async def test_the_main_job_is_done_and_a_second_run_goes_on_where_the_first_one_ended(home: Path) -> None:
    arguments = ("--once", "--home", str(home), "--port", "18080")
    first = await Command.says(*arguments, program=("./scripts/run",))
    assert first.count("✓ 검색 가능") == first.count("━ ✓") > 7
    assert "[1] 취업규칙 제3편 휴가 규정, 3쪽, 제14조(배우자 출산휴가)" in first
    objects = sorted((home / "objects").rglob("versions.json"))
    assert len(objects) == first.count("✓ 검색 가능")

    await Command.says(*arguments, program=("./scripts/run",))

    assert sorted((home / "objects").rglob("versions.json")) == objects

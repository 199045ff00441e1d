"""The always-on parts of the platform as child processes: started, watched, started again when they fall, stopped."""

import asyncio
import logging
import signal
import subprocess
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import httpx

from scripts.catalogue import ROOT
from scripts.local.lifeline import die_with_parent

log = logging.getLogger(__name__)

_STOP_SECONDS = 20.0
_PAUSE_SECONDS = 1.0
_LASTING_SECONDS = 60.0
_LARGE_LOG_BYTES = 10_000_000


class StartError(RuntimeError):
    """A part did not start; the message says which one and why, in Korean and English, with its last words."""


class Part:
    """A child process that answers a health check. `health` is a URL; `descriptors` are inherited."""

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        environ: Mapping[str, str],
        *,
        health: str,
        log_file: Path,
        descriptors: Sequence[int] = (),
    ) -> None:
        self.name = name
        self.health = health
        self.log_file = log_file
        self._command = command
        self._environ = environ
        self._descriptors = descriptors
        self._process: asyncio.subprocess.Process | None = None
        self._keeper: asyncio.Task[None] | None = None

    @property
    def running(self) -> bool:
        """Whether the process is there."""
        return self._process is not None and self._process.returncode is None

    @property
    def pid(self) -> int:
        """The process that runs, or ran last."""
        assert self._process
        return self._process.pid

    async def start(self) -> None:
        """Starts the process; `ready` waits for it."""
        with self.log_file.open("ab") as output:
            self._process = await asyncio.create_subprocess_exec(
                *self._command,
                cwd=ROOT,
                env=dict(self._environ),
                pass_fds=self._descriptors,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    async def ready(self, seconds: float) -> None:
        """Waits for the health check, and from then on keeps the process alive. Raises StartError."""
        try:
            async with asyncio.timeout(seconds), httpx.AsyncClient(timeout=5) as client:
                while not await self._healthy(client):
                    if not self.running:
                        raise failed(self.name, "시작하다가 종료되었습니다", "ended while starting", self.log_file)
                    await asyncio.sleep(0.05)
        except TimeoutError as error:
            korean, english = f"{seconds:g}초 안에 준비되지 않았습니다", f"was not ready within {seconds:g} s"
            raise failed(self.name, korean, english, self.log_file) from error
        self._keeper = asyncio.create_task(self._keep())

    async def stop(self) -> None:
        """SIGTERM, and SIGKILL for what does not listen."""
        if self._keeper:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)
        if self._process is None or self._process.returncode is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            await asyncio.wait_for(self._process.wait(), _STOP_SECONDS)
        except TimeoutError:
            self._process.kill()
            await self._process.wait()

    async def _healthy(self, client: httpx.AsyncClient) -> bool:
        with suppress(httpx.TransportError):
            return (await client.get(self.health)).is_success
        return False

    async def _keep(self) -> None:
        """Starts the process again whenever it ends, a little later each time that it does not last a minute."""
        pause = _PAUSE_SECONDS
        while self._process:
            started = time.monotonic()
            status = await self._process.wait()
            pause = _PAUSE_SECONDS if time.monotonic() - started > _LASTING_SECONDS else pause
            log.error("a part ended and is started again", extra={"part": self.name, "status": status, "in": pause})
            await asyncio.sleep(pause)
            pause = min(pause * 2, _LASTING_SECONDS)
            await self.start()


def failed(name: str, korean: str, english: str, log_file: Path) -> StartError:
    """The error for a part that did not start, with the last lines of its log."""
    lines = tail(log_file)
    words = "\n".join(f"  {line}" for line in lines) or "  -"
    return StartError(f"{name}: {korean}. ({name} {english}.)\n로그 (log) {log_file}:\n{words}")


def tail(file: Path, lines: int = 15) -> list[str]:
    """The last lines of a log; none when there is no such file."""
    if not file.exists():
        return []
    with file.open("rb") as content:
        content.seek(max(0, file.stat().st_size - 16384))
        return content.read().decode(errors="replace").splitlines()[-lines:]


def log_file(home: Path, name: str) -> Path:
    """Where a part writes; a large file of an earlier run is put aside first."""
    file = home / "logs" / f"{name}.log"
    if file.exists() and file.stat().st_size > _LARGE_LOG_BYTES:
        file.replace(file.with_suffix(".log.1"))
    return file

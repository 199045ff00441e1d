"""Starting a function as a process on a socket that already listens: forked from the zygote, or cold as the image does."""

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Protocol

from scripts.catalogue import ROOT
from scripts.local.lifeline import die_with_parent


class Process(Protocol):
    """A started function."""

    @property
    def pid(self) -> int: ...

    async def wait(self) -> int:
        """The exit status; negative for the signal that ended it."""
        ...


class Launcher(Protocol):
    """Starts functions; the process inherits the listening socket and writes everything it says to `log`."""

    async def start(self, source: str, environ: Mapping[str, str], listener: socket.socket, log: Path) -> Process: ...

    def close(self) -> None: ...


class ColdLauncher:
    """A new interpreter for each start, with the very command of the image."""

    async def start(
        self, source: str, environ: Mapping[str, str], listener: socket.socket, log: Path
    ) -> asyncio.subprocess.Process:
        """Returns as soon as the process runs; it still has everything to import."""
        with log.open("ab") as output:
            return await asyncio.create_subprocess_exec(
                *(sys.executable, "-m", "shared.runner", source),
                cwd=ROOT,
                env={**environ, "LISTEN_FD": str(listener.fileno())},
                pass_fds=[listener.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )

    def close(self) -> None:
        """Nothing outlives a start."""


class ZygoteLauncher:
    """Forks from a parent process that has imported the common packages; see zygote.py for what the two say."""

    def __init__(self, log: Path) -> None:
        """Starts the zygote; it imports while other things go on."""
        self._log = log
        self._open()

    def _open(self) -> None:
        self._control, theirs = socket.socketpair()
        with theirs, self._log.open("ab") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "scripts.local.zygote", str(theirs.fileno())],
                cwd=ROOT,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                pass_fds=[theirs.fileno()],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
                preexec_fn=die_with_parent,
            )
        self._control.setblocking(False)

    @property
    def pid(self) -> int:
        """The zygote's own process."""
        return self._process.pid

    async def ready(self) -> None:
        """Waits until it has imported everything. Raises ConnectionError when it ended instead."""
        if not await asyncio.get_running_loop().sock_recv(self._control, 1):
            raise ConnectionError("the zygote ended while importing")

    async def start(
        self, source: str, environ: Mapping[str, str], listener: socket.socket, log: Path
    ) -> "ForkedProcess":
        """Returns as soon as the process runs. Raises ConnectionError when the zygote ends meanwhile."""
        if self._process.poll() is not None:  # killed: this start pays for the imports again
            self._control.close()
            self._open()
            await self.ready()
        ours, theirs = socket.socketpair()
        with theirs, log.open("ab") as output:
            descriptors = [theirs.fileno(), listener.fileno(), output.fileno()]
            socket.send_fds(self._control, [b"\n"], descriptors)
        reader, writer = await asyncio.open_unix_connection(sock=ours)
        writer.write(json.dumps({"source": source, "environ": dict(environ)}).encode() + b"\n")
        pid = await reader.readline()
        if not pid:
            raise ConnectionError("the zygote ended")
        return ForkedProcess(int(pid), reader, writer)

    def close(self) -> None:
        """Ends the zygote, and with it whatever it has forked."""
        self._control.close()
        self._process.wait()


class ForkedProcess:
    """A child of the zygote, which tells us when it ends."""

    def __init__(self, pid: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.pid = pid
        self._reader = reader
        self._writer = writer

    async def wait(self) -> int:
        """The exit status; that of SIGKILL when the zygote died, for then the kernel has killed the child."""
        status = await self._reader.readline()
        self._writer.close()
        return int(status) if status else -signal.SIGKILL

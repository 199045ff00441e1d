"""A process that has imported what every function imports, and forks one per start: a tenth of the time, a third of the memory.

It never imports a function, has no thread and no event loop, and so is safe to fork.
The platform sends one byte and three file descriptors for each start: a conversation, a listening socket and a log.
On the conversation it reads a line of JSON (`source`, `environ`) and writes two lines: the pid and, later, the exit status.
"""

import gc
import json
import os
import select
import signal
import socket
import sys
from importlib import import_module

from scripts.local.lifeline import die_with_parent
from shared import runner

COMMON = (
    "boto3",
    "fastapi",
    "fastapi.sse",
    "httpx",
    "psycopg.types.json",
    "psycopg_pool",
    "uvicorn.lifespan.on",
    "uvicorn.loops.asyncio",
    "uvicorn.protocols.http.httptools_impl",
)


def main() -> None:
    """Serves the platform at the other end of the socket whose number is the first argument, until it closes it."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    runner.prepare_imports()
    for name in COMMON:
        import_module(name)
    gc.freeze()
    Zygote(socket.socket(fileno=int(sys.argv[1]))).run()


class Zygote:
    """The forking and the reaping."""

    def __init__(self, control: socket.socket) -> None:
        self._control = control
        self._children: dict[int, socket.socket] = {}
        self._wake, self._woken = socket.socketpair()
        self._woken.setblocking(False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.set_wakeup_fd(self._woken.fileno(), warn_on_full_buffer=False)

    def run(self) -> None:
        """Forks and reaps until the platform is gone; then nothing of it is left."""
        self._control.sendall(b"\n")
        while True:
            ready, _, _ = select.select([self._control, self._wake], [], [])
            if self._wake in ready:
                self._wake.recv(4096)
                self._reap()
            if self._control in ready and not self._start():
                break
        for pid in self._children:
            os.kill(pid, signal.SIGKILL)

    def _start(self) -> bool:
        """Forks a function; False when the platform has closed its end."""
        message, descriptors, _, _ = socket.recv_fds(self._control, 1, 3)
        if not message:
            return False
        conversation, listener = (socket.socket(fileno=each) for each in descriptors[:2])
        log = descriptors[2]
        with conversation.makefile("r") as lines:
            order = json.loads(lines.readline())
        pid = os.fork()
        if pid == 0:
            self._become(order["source"], order["environ"], listener, log)
        listener.close()
        os.close(log)
        self._children[pid] = conversation
        conversation.sendall(b"%d\n" % pid)
        return True

    def _become(self, source: str, environ: dict[str, str], listener: socket.socket, log: int) -> None:
        """The child: everything of the parent is let go, then it is a function like any other. Does not return."""
        status = 1
        try:
            die_with_parent()
            os.setsid()
            signal.set_wakeup_fd(-1)
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
            for each in (self._control, self._wake, self._woken, *self._children.values()):
                each.close()
            os.dup2(log, 1)
            os.dup2(log, 2)
            os.environ.clear()
            os.environ.update(environ)
            runner.serve(source, listener)
            status = 0
        except SystemExit as leaving:
            status = leaving.code if isinstance(leaving.code, int) else 1
        except BaseException:  # noqa: BLE001 - the edge of a process: what Python itself would print
            sys.excepthook(*sys.exc_info())
        finally:
            sys.stdout.flush()
            sys.stderr.flush()
            os._exit(status)

    def _reap(self) -> None:
        while self._children:
            pid, status = os.waitpid(-1, os.WNOHANG)
            if pid == 0:
                return
            with self._children.pop(pid) as conversation:
                try:
                    conversation.sendall(b"%d\n" % os.waitstatus_to_exitcode(status))
                except BrokenPipeError:
                    continue  # nobody waits for it any more


if __name__ == "__main__":
    main()

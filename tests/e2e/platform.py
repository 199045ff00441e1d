"""The whole platform as a person starts it, and what they do with it: upload, approve, ask."""

import hashlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from tests.functions.client import Person
from tests.processes import ROOT, free_port, let_pass, until

SAMPLES = ROOT / "tests" / "samples"
CATALOGUE: dict[str, dict[str, Any]] = {
    each["file"]: each for each in json.loads((SAMPLES / "catalogue.json").read_text())
}

AUTHOR = Person(("VIDEO_CREATOR",))
REVIEWER = Person(("CONTENTS_REVIEWER",))
EMPLOYEE = Person()


@dataclass(frozen=True)
class Version:
    """A version of a document that a test has uploaded."""

    document_id: str
    number: int

    @property
    def path(self) -> str:
        """Where it is."""
        return f"/api/infra/documents/{self.document_id}/versions/{self.number}"


class LocalPlatform:
    """A platform in a home of its own; functions go back to zero after two idle seconds."""

    def __init__(self, home: Path, *options: str) -> None:
        self.home = let_pass(home)
        self._options = options
        self._seen: set[int] = set()
        self.http = httpx.Client(timeout=60)
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Starts it, and waits until it is up."""
        port = free_port()
        command = [sys.executable, "-m", "scripts.cli", "up", *self._options]
        command += ["--home", str(self.home), "--port", str(port), "--idle", "2"]
        with (self.home / "up.log").open("ab") as log:
            self._process = subprocess.Popen(command, cwd=ROOT, stdout=log, stderr=log)
        self.http.base_url = httpx.URL(f"http://127.0.0.1:{port}")
        try:
            until(lambda: self._ended() or self._answers(), seconds=90)
            assert not self._ended()
        except AssertionError as error:
            raise AssertionError((self.home / "up.log").read_text()) from error

    def stop(self, signal_number: int = signal.SIGTERM) -> None:
        """Stops it, as Ctrl-C would, or harder."""
        assert self._process is not None
        self.processes()
        self._process.send_signal(signal_number)
        self._process.wait(60)

    def function(self, name: str) -> dict[str, Any]:
        """What the platform says of a function."""
        found: dict[str, Any] = next(each for each in self.status()["functions"] if each["name"] == name)
        return found

    def status(self) -> dict[str, Any]:
        """What the platform says of itself."""
        status: dict[str, Any] = self.http.get("/_platform/status.json").raise_for_status().json()
        return status

    def processes(self) -> dict[int, str]:
        """Every process below the platform's own, with its command line; after its end, those that have outlived it."""
        assert self._process is not None
        if not self._ended():
            self._seen |= descendants(self._process.pid)
        commands = {pid: command_of(pid) for pid in self._seen}
        return {pid: command for pid, command in commands.items() if command}

    def kill_llm_host(self) -> None:
        """Kills the LLM host as a power failure would; the platform starts it again."""
        for pid, command in self.processes().items():
            if "-m llm_host" in command:
                os.kill(pid, signal.SIGKILL)

    def upload(self, file: str, content: bytes | None = None, **changes: Any) -> Version:
        """Registers a sample as the author and puts its file; nothing is called after that."""
        sample = CATALOGUE[file]
        data = (SAMPLES / file).read_bytes() if content is None else content
        registration = {name: sample[name] for name in ("title", "domain", "departments", "content_type")}
        registration |= {"filename": file, "size": len(data), "sha256": hashlib.sha256(data).hexdigest(), **changes}
        answer = self.http.post("/api/infra/documents", json=registration, headers=AUTHOR.headers)
        assert answer.status_code == 201, answer.text
        self.put(answer.json()["upload"], data)
        return Version(answer.json()["document_id"], answer.json()["version"]["number"])

    def put(self, upload: dict[str, Any], data: bytes) -> None:
        """Puts a file where it was told to."""
        httpx.put(upload["url"], content=data, headers=upload["headers"]).raise_for_status()

    def version(self, version: Version) -> dict[str, Any]:
        """How a version stands."""
        detail: dict[str, Any] = self.http.get(version.path, headers=AUTHOR.headers).raise_for_status().json()
        return detail

    def wait_until_processed(self, version: Version, seconds: float = 90.0) -> dict[str, Any]:
        """Waits until a version is READY or FAILED."""
        until(lambda: self.version(version)["processing_state"] in ("READY", "FAILED"), seconds)
        return self.version(version)

    def publish(self, version: Version) -> None:
        """Has a version processed, submitted by its author, approved by a reviewer, and found."""
        assert self.wait_until_processed(version)["processing_state"] == "READY"
        self.http.post(f"{version.path}/submit", headers=AUTHOR.headers).raise_for_status()
        self.http.post(f"{version.path}/approve", headers=REVIEWER.headers).raise_for_status()
        until(lambda: self.version(version)["searchable_at"] is not None, 30)

    def session(self, person: Person = EMPLOYEE) -> str:
        """A new conversation."""
        answer = self.http.post("/api/chat/sessions", json={}, headers=person.headers)
        assert answer.status_code == 201, answer.text
        return str(answer.json()["id"])

    def ask(self, question: str, person: Person = EMPLOYEE, session: str | None = None) -> httpx.Response:
        """Asks, and waits for the whole answer."""
        body = {"session_id": session or self.session(person), "content": question}
        return self.http.post("/api/chat/messages", json=body, headers=person.headers)

    def answer(self, question: str, person: Person = EMPLOYEE) -> dict[str, Any]:
        """The answer to a question."""
        response = self.ask(question, person)
        assert response.status_code == 201, response.text
        answered: dict[str, Any] = response.json()["answers"][-1]
        return answered

    def admin_environ(self) -> dict[str, str]:
        """The settings with which migrations reach this platform's databases."""
        port = next(
            line.split(" -p ")[1].split()[0] for line in self.processes().values() if "/bin/postgres -D" in line
        )
        password = (self.home / "postgres-password").read_text()
        url = f"postgresql://postgres:{password}@127.0.0.1:{port}/baeum"
        return {f"{service}_DATABASE_ADMIN_URL": url for service in ("CHAT", "EDUCATION", "INFRA", "QUIZ")}

    def passage(self, source: dict[str, Any]) -> str:
        """The text of the passage that a source names, as infra has stored it."""
        version, position = source["chunk_id"].rsplit(":", 1)
        assert version == source["version_id"]
        path = f"{Version(source['document_id'], source['version']).path}/chunks"
        after = ""
        while True:
            page = self.http.get(f"{path}?limit=100{after}", headers=AUTHOR.headers).raise_for_status().json()
            for chunk in page["items"]:
                if chunk["position"] == int(position):
                    return str(chunk["text"])
            after = f"&cursor={page['next_cursor']}"
            assert page["next_cursor"], f"no passage {position}"

    def _answers(self) -> bool:
        try:
            return self.http.get("/_platform/status.json").status_code == 200
        except httpx.TransportError:
            return False

    def _ended(self) -> bool:
        return self._process is None or self._process.poll() is not None


def descendants(pid: int) -> set[int]:
    """The processes that a process has started, and those that they have."""
    children = {
        int(child) for task in Path(f"/proc/{pid}/task").glob("*/children") for child in task.read_text().split()
    }
    return children.union(*(descendants(child) for child in children))


def command_of(pid: int) -> str:
    """The command line of a process; empty when it has ended."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""


@contextmanager
def running_platform(home: Path, *options: str) -> Iterator[LocalPlatform]:
    """A platform while the block runs; afterwards nothing of it is left."""
    platform = LocalPlatform(home, *options)
    platform.start()
    try:
        yield platform
    finally:
        platform.stop()
        until(lambda: not platform.processes())

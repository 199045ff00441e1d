"""Versions and their jobs, durably. Every change of state is one conditional statement, and its reports go with it."""

import json
import sqlite3
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

from llm_host.database import Database
from llm_host.reports import add_report
from shared.errors import conflict, not_found

Kind = Literal["process", "activate", "remove"]
State = Literal["QUEUED", "RUNNING", "DONE", "FAILED", "CANCELLED"]
Stage = Literal["download", "extract", "split", "embed", "store"]

NOT_INDEXED = "색인되지 않은 문서 버전입니다. 문서를 다시 처리해 주세요."
_ACTIVE = ("QUEUED", "RUNNING")


class Superseded(Exception):  # noqa: N818 - not an error: somebody cancelled, removed or started the version again
    """The job that is running is no longer the job of its version; it must stop and change nothing more."""


@dataclass(frozen=True, slots=True)
class Source:
    """Where a file is and what it must be. `size` is in bytes, `url` works for a limited time."""

    filename: str
    content_type: str
    size: int
    sha256: str
    url: str


@dataclass(frozen=True, slots=True)
class Version:
    """A version of a document. Empty `departments` means everybody."""

    id: str
    document_id: str
    title: str
    number: int
    domain: str
    departments: Sequence[str]


@dataclass(frozen=True, slots=True)
class Job:
    """The latest job of a version. `run` tells one start of it from another."""

    id: str
    attempt: int
    kind: Kind
    state: State
    stage: Stage | None
    progress: int
    code: str | None
    reason: str | None
    source: Source | None
    trace: str
    run: int
    tries: int


class Store:
    """All methods are short and block; none raises for a repeated call."""

    def __init__(self, database: Database) -> None:
        self._database = database

    # What callers ask for.

    def submit(self, version: Version, source: Source, attempt: int, trace: str) -> Job:
        """Queues the processing of a version; an attempt that is not higher than the known one changes nothing."""
        with self._database.transaction() as tx:
            known = _job(tx, version.id)
            if known and known.attempt >= attempt:
                return known
            tx.execute(
                "INSERT INTO versions (id, document_id, title, number, domain, departments) VALUES (?, ?, ?, ?, ?, ?)"
                " ON CONFLICT (id) DO UPDATE SET title = excluded.title, number = excluded.number,"
                " domain = excluded.domain, departments = excluded.departments",
                (
                    version.id,
                    version.document_id,
                    version.title,
                    version.number,
                    version.domain,
                    json.dumps(list(version.departments)),
                ),
            )
            return _queue(tx, version.id, "process", attempt, trace, source)

    def activate(self, version_id: str, trace: str) -> Job:
        """Queues making a version findable. Raises 404 when it is unknown, 409 when it is not indexed."""
        with self._database.transaction() as tx:
            job = _job(tx, version_id)
            if job is None:
                raise not_found("document.not_found", "처리한 적이 없는 문서 버전입니다.")
            if job.kind == "process" and job.state in _ACTIVE:
                raise conflict(
                    "document.in_progress", "문서를 아직 처리하고 있습니다. 처리가 끝난 뒤 다시 시도해 주세요."
                )
            if job.kind == "remove" or _vectors(tx, version_id) != "complete":
                raise conflict("document.not_indexed", NOT_INDEXED)
            if job.kind == "activate" and job.state != "FAILED":
                return job
            return _queue(tx, version_id, "activate", job.attempt, trace)

    def remove(self, version_id: str, trace: str) -> Job:
        """Makes a version unfindable at once and queues the deletion of its vectors; an unknown one has none."""
        with self._database.transaction() as tx:
            tx.execute("UPDATE versions SET live = 0 WHERE id = ?", (version_id,))
            job = _job(tx, version_id)
            if job and job.kind == "remove" and job.state != "FAILED":
                return job
            return _queue(tx, version_id, "remove", job.attempt if job else 0, trace)

    def cancel(self, version_id: str) -> Job:
        """Cancels the processing of a version if it is not over. Raises 404 when the version is unknown."""
        with self._database.transaction() as tx:
            tx.execute(
                "UPDATE jobs SET state = 'CANCELLED' WHERE id = ? AND kind = 'process' AND state IN ('QUEUED', 'RUNNING')",
                (version_id,),
            )
            return _known(_job(tx, version_id))

    def job(self, version_id: str) -> Job:
        """The job of a version. Raises 404 when there is none."""
        with self._database.transaction() as tx:
            return _known(_job(tx, version_id))

    def findable(self, department: str | None, domains: Sequence[str]) -> dict[str, Version]:
        """The live, completely indexed versions that a department may see, by id; no domains means all."""
        with self._database.transaction() as tx:
            rows = tx.execute(
                "SELECT id, document_id, title, number, domain, departments FROM versions"
                " WHERE live AND vectors = 'complete' AND (departments = '[]' OR EXISTS"
                " (SELECT 1 FROM json_each(departments) WHERE value = :department))"
                " AND (:domains = '[]' OR domain IN (SELECT value FROM json_each(:domains)))",
                {"department": department, "domains": json.dumps(list(domains))},
            )
            return {row["id"]: _version(row) for row in rows}

    def counts(self) -> dict[tuple[str, str], int]:
        """How many jobs there are of each kind and state."""
        with self._database.transaction() as tx:
            rows = tx.execute("SELECT kind, state, count(*) AS jobs FROM jobs GROUP BY kind, state")
            return {(row["kind"], row["state"]): row["jobs"] for row in rows}

    # What the workers do.

    def recover(self) -> None:
        """After a start: what ran when the process ended is queued again."""
        with self._database.transaction() as tx:
            tx.execute("UPDATE jobs SET state = 'QUEUED' WHERE state = 'RUNNING'")

    def take(self, kinds: Sequence[Kind]) -> Job | None:
        """Starts the job that has waited longest, or says that there is none."""
        with self._database.transaction() as tx:
            row = tx.execute(
                "UPDATE jobs SET state = 'RUNNING', run = run + 1, tries = tries + 1 WHERE state = 'QUEUED' AND id ="
                " (SELECT id FROM jobs WHERE state = 'QUEUED' AND kind IN (SELECT value FROM json_each(?))"
                " ORDER BY queued_at LIMIT 1) RETURNING *",
                (json.dumps(kinds),),
            ).fetchone()
            return _from_row(row) if row else None

    def give_back(self, job: Job) -> None:
        """Queues a job again that a stopping host has not finished; it does not count as a try."""
        with self._database.transaction() as tx:
            tx.execute(
                "UPDATE jobs SET state = 'QUEUED', tries = tries - 1 WHERE id = ? AND run = ? AND state = 'RUNNING'",
                (job.id, job.run),
            )

    def version(self, job: Job) -> Version:
        """The version that a running job is about. Raises Superseded."""
        with self._database.transaction() as tx:
            _hold(tx, job)
            return _version(tx.execute("SELECT * FROM versions WHERE id = ?", (job.id,)).fetchone())

    def check(self, job: Job) -> None:
        """Raises Superseded when a running job must stop."""
        with self._database.transaction() as tx:
            _hold(tx, job)

    def progress(self, job: Job, stage: Stage, percent: int) -> None:
        """Notes how far a running job is, and reports it at each stage and every ten percent. Raises Superseded."""
        with self._database.transaction() as tx:
            before = _job(tx, job.id)
            _hold(tx, job, stage=stage, progress=percent)
            if before is None or before.stage != stage or before.progress // 10 != percent // 10:
                data = {"attempt": job.attempt, "stage": stage, "progress": percent}
                add_report(tx, "baeum.llm.document.progressed", job.id, data)

    def begin_vectors(self, job: Job) -> None:
        """Notes that a running job is about to write vectors, so that they are cleaned up if it never ends."""
        with self._database.transaction() as tx:
            _hold(tx, job)
            tx.execute("UPDATE versions SET vectors = 'partial' WHERE id = ?", (job.id,))

    def indexed(self, job: Job, reports: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
        """Ends a process job: its vectors are complete, and the reports say so. Raises Superseded."""
        with self._database.transaction() as tx:
            _hold(tx, job, state="DONE", progress=100)
            tx.execute("UPDATE versions SET vectors = 'complete' WHERE id = ?", (job.id,))
            for type_, data in reports:
                add_report(tx, type_, job.id, data)

    def make_live(self, job: Job) -> bool:
        """Makes the version of an activate job findable and what was findable of its document not. Raises Superseded.

        Vectors of the version that was live become `partial`: to be cleaned up. Versions that never were live keep theirs.
        False when the version has lost its own vectors meanwhile, because another one of its document went live.
        """
        with self._database.transaction() as tx:
            _hold(tx, job)
            if _vectors(tx, job.id) != "complete":
                return False
            tx.execute(
                "UPDATE versions SET live = 0, vectors = 'partial' WHERE live AND id <> :id"
                " AND document_id = (SELECT document_id FROM versions WHERE id = :id)",
                {"id": job.id},
            )
            tx.execute("UPDATE versions SET live = 1 WHERE id = ?", (job.id,))
            return True

    def done(self, job: Job, report: str) -> None:
        """Ends an activate or remove job with its report. Raises Superseded."""
        with self._database.transaction() as tx:
            _hold(tx, job, state="DONE", progress=100)
            add_report(tx, report, job.id, {})

    def fail(self, job: Job, code: str, reason: str, *, retryable: bool) -> None:
        """Ends a job that did not work out. Raises Superseded."""
        with self._database.transaction() as tx:
            _hold(tx, job, state="FAILED", code=code, reason=reason)
            data = {"attempt": job.attempt, "code": code, "reason": reason, "retryable": retryable}
            add_report(tx, "baeum.llm.document.failed", job.id, data)

    # Vectors that nobody needs any more.

    def orphans(self) -> list[str]:
        """Versions with vectors that are neither complete nor being written."""
        with self._database.transaction() as tx:
            return [row["id"] for row in tx.execute(_ORPHANS)]

    def is_orphan(self, version_id: str) -> bool:
        with self._database.transaction() as tx:
            return tx.execute(f"{_ORPHANS} AND v.id = ?", (version_id,)).fetchone() is not None

    def vectors_removed(self, version_id: str) -> None:
        with self._database.transaction() as tx:
            tx.execute("UPDATE versions SET vectors = 'none' WHERE id = ?", (version_id,))


_ORPHANS = (
    "SELECT v.id FROM versions v JOIN jobs j ON j.id = v.id"
    " WHERE v.vectors = 'partial' AND NOT (j.kind IN ('process', 'remove') AND j.state IN ('QUEUED', 'RUNNING'))"
)


def _queue(
    tx: sqlite3.Connection, version_id: str, kind: Kind, attempt: int, trace: str, source: Source | None = None
) -> Job:
    row = tx.execute(
        "INSERT INTO jobs (id, attempt, kind, state, source, trace, queued_at) VALUES (?, ?, ?, 'QUEUED', ?, ?, ?)"
        " ON CONFLICT (id) DO UPDATE SET attempt = excluded.attempt, kind = excluded.kind, state = 'QUEUED', stage = NULL,"
        " progress = 0, code = NULL, reason = NULL, source = excluded.source, trace = excluded.trace, tries = 0,"
        " queued_at = excluded.queued_at RETURNING *",
        (version_id, attempt, kind, json.dumps(asdict(source)) if source else None, trace, time.time_ns()),
    ).fetchone()
    return _from_row(row)


def _hold(tx: sqlite3.Connection, job: Job, **changes: str | int) -> None:
    """Changes the row of a running job, or raises Superseded when it is not this run's any more."""
    columns = "".join(f", {name} = :{name}" for name in changes)
    changed = tx.execute(
        f"UPDATE jobs SET run = run{columns} WHERE id = :id AND run = :run AND state = 'RUNNING'",  # noqa: S608 - our names
        {**changes, "id": job.id, "run": job.run},
    )
    if changed.rowcount == 0:
        raise Superseded


def _job(tx: sqlite3.Connection, version_id: str) -> Job | None:
    row = tx.execute("SELECT * FROM jobs WHERE id = ?", (version_id,)).fetchone()
    return _from_row(row) if row else None


def _known(job: Job | None) -> Job:
    if job is None:
        raise not_found("document.not_found", "처리한 적이 없는 문서 버전입니다.")
    return job


def _vectors(tx: sqlite3.Connection, version_id: str) -> str:
    row = tx.execute("SELECT vectors FROM versions WHERE id = ?", (version_id,)).fetchone()
    return str(row["vectors"]) if row else "none"


def _from_row(row: sqlite3.Row) -> Job:
    fields = {name: row[name] for name in row.keys() if name != "queued_at"}  # noqa: SIM118 - a Row iterates over values
    return Job(**fields | {"source": Source(**json.loads(row["source"])) if row["source"] else None})


def _version(row: sqlite3.Row) -> Version:
    return Version(
        row["id"], row["document_id"], row["title"], row["number"], row["domain"], json.loads(row["departments"])
    )

"""The host's own memory: one SQLite file with jobs, versions and reports that the Broker has not taken yet."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import RLock

_SCHEMA = """
CREATE TABLE IF NOT EXISTS versions (
    id TEXT PRIMARY KEY,
    document_id TEXT NOT NULL,
    title TEXT NOT NULL,
    number INTEGER NOT NULL,
    domain TEXT NOT NULL,
    departments TEXT NOT NULL,  -- a JSON array; empty means everybody
    vectors TEXT NOT NULL DEFAULT 'none' CHECK (vectors IN ('none', 'partial', 'complete')),
    live INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE UNIQUE INDEX IF NOT EXISTS versions_live ON versions (document_id) WHERE live;

CREATE TABLE IF NOT EXISTS jobs (
    id TEXT PRIMARY KEY,  -- of the version: a version has one job, its latest
    attempt INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('process', 'activate', 'remove')),
    state TEXT NOT NULL CHECK (state IN ('QUEUED', 'RUNNING', 'DONE', 'FAILED', 'CANCELLED')),
    stage TEXT,
    progress INTEGER NOT NULL DEFAULT 0,
    code TEXT,
    reason TEXT,
    source TEXT,  -- JSON: where a process job finds its file
    trace TEXT NOT NULL,
    run INTEGER NOT NULL DEFAULT 0,  -- counts the starts of all times; a start that is not the last may change nothing
    tries INTEGER NOT NULL DEFAULT 0,  -- counts the starts of this job
    queued_at INTEGER NOT NULL  -- nanoseconds
) STRICT;
CREATE INDEX IF NOT EXISTS jobs_queued ON jobs (queued_at) WHERE state = 'QUEUED';

CREATE TABLE IF NOT EXISTS reports (
    sequence INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    subject TEXT NOT NULL,
    data TEXT NOT NULL,
    traceparent TEXT,
    created_at TEXT NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS reports_subject ON reports (subject, sequence);
"""


class Database:
    """One connection that all threads share, one transaction at a time; committed means on the disk."""

    def __init__(self, path: Path) -> None:
        self._lock = RLock()
        self._connection = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = FULL")
        self._connection.executescript(_SCHEMA)

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """A transaction that commits when its block ends and rolls back when the block raises."""
        with self._lock:
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                yield self._connection
            except BaseException:
                self._connection.execute("ROLLBACK")
                raise
            self._connection.execute("COMMIT")

    def close(self) -> None:
        with self._lock:
            self._connection.close()

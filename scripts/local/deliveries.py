"""What the broker must not forget: accepted events, and to which functions each is still owed. One SQLite file."""

import json
import sqlite3
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from shared.events import CloudEvent

_SCHEMA = """
CREATE TABLE IF NOT EXISTS events (
    number INTEGER PRIMARY KEY,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    source TEXT NOT NULL,
    subject TEXT NOT NULL,
    headers TEXT NOT NULL,
    body BLOB NOT NULL,
    accepted_at REAL NOT NULL
) STRICT;
CREATE TABLE IF NOT EXISTS deliveries (
    number INTEGER PRIMARY KEY,
    event INTEGER NOT NULL REFERENCES events,
    function TEXT NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'dead')),
    attempts INTEGER NOT NULL DEFAULT 0,
    due REAL NOT NULL,
    status INTEGER,
    response TEXT
) STRICT;
CREATE INDEX IF NOT EXISTS deliveries_due ON deliveries (function, state, due);
CREATE INDEX IF NOT EXISTS deliveries_event ON deliveries (event);
"""
_DELIVERY = """
SELECT d.number, d.function, d.attempts, d.status, d.response, e.id, e.type, e.source, e.subject, e.headers, e.body
FROM deliveries d JOIN events e ON e.number = d.event
"""


@dataclass(frozen=True, slots=True)
class Delivery:
    """One event owed to one function. `status` is the last answer's; null if there was none."""

    number: int
    function: str
    attempts: int
    status: int | None
    response: str | None
    id: str
    type: str
    source: str
    subject: str
    headers: Mapping[str, str]
    body: bytes


class Deliveries:
    """The file. Every method is one transaction, on disk when it returns; times are Unix seconds."""

    def __init__(self, path: Path) -> None:
        self._db = sqlite3.connect(path, check_same_thread=False, timeout=30)
        self._db.row_factory = sqlite3.Row
        self._db.executescript(
            "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON;" + _SCHEMA
        )

    def accept(self, event: CloudEvent, functions: Iterable[str], now: float) -> None:
        """Remembers an event and owes it to the functions."""
        columns = (event.id, event.type, event.source, event.subject, json.dumps(event.headers()), event.body(), now)
        with self._db as db:
            number = db.execute(
                "INSERT INTO events (id, type, source, subject, headers, body, accepted_at) VALUES (?, ?, ?, ?, ?, ?, ?)",
                columns,
            ).lastrowid
            owed = [(number, function, now) for function in functions]
            db.executemany("INSERT INTO deliveries (event, function, due) VALUES (?, ?, ?)", owed)

    def due(self, function: str, now: float, limit: int) -> list[Delivery]:
        """The deliveries of a function whose time has come, oldest first."""
        where = "WHERE d.function = ? AND d.state = 'waiting' AND d.due <= ? ORDER BY d.number LIMIT ?"
        return self._deliveries(where, function, now, limit)

    def delivered(self, delivery: Delivery) -> None:
        """Nothing more is owed; an event that is owed to nobody is forgotten."""
        with self._db as db:
            (event,) = db.execute(
                "DELETE FROM deliveries WHERE number = ? RETURNING event", [delivery.number]
            ).fetchone()
            owed = "SELECT 1 FROM deliveries WHERE event = events.number"
            db.execute(f"DELETE FROM events WHERE number = ? AND NOT EXISTS ({owed})", [event])  # noqa: S608

    def try_again(self, delivery: Delivery, due: float, status: int | None, response: str) -> None:
        """The attempt failed, the next one is at `due`."""
        self._failed(delivery, "waiting", due, status, response)

    def give_up(self, delivery: Delivery, status: int | None, response: str) -> None:
        """The event becomes a dead letter."""
        self._failed(delivery, "dead", 0, status, response)

    def dead(self, number: int | None = None) -> list[Delivery]:
        """The dead letters, or the one with a number."""
        if number is None:
            return self._deliveries("WHERE d.state = 'dead' ORDER BY d.number")
        return self._deliveries("WHERE d.state = 'dead' AND d.number = ?", number)

    def replay(self, letters: Iterable[Delivery], now: float) -> None:
        """Owes dead letters again, with the same event id and all attempts."""
        with self._db as db:
            db.executemany(
                "UPDATE deliveries SET state = 'waiting', attempts = 0, due = ? WHERE number = ?",
                [(now, letter.number) for letter in letters],
            )

    def counts(self) -> dict[str, int]:
        """How many deliveries are `waiting` and `dead`."""
        rows = self._db.execute("SELECT state, count(*) FROM deliveries GROUP BY state")
        return {"waiting": 0, "dead": 0} | {row[0]: row[1] for row in rows}

    def close(self) -> None:
        """Closes the file."""
        self._db.close()

    def _failed(self, delivery: Delivery, state: str, due: float, status: int | None, response: str) -> None:
        with self._db as db:
            db.execute(
                "UPDATE deliveries SET state = ?, attempts = attempts + 1, due = ?, status = ?, response = ? WHERE number = ?",
                [state, due, status, response, delivery.number],
            )

    def _deliveries(self, where: str, *values: str | float) -> list[Delivery]:
        rows = self._db.execute(_DELIVERY + where, values).fetchall()
        return [Delivery(**{**dict(row), "headers": json.loads(row["headers"])}) for row in rows]

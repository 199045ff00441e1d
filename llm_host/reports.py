"""Reports to the platform: CloudEvents that are kept until the Broker has acknowledged them, in order for each document."""

import asyncio
import json
import logging
import sqlite3
import time
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx

from llm_host.database import Database
from shared.events import CloudEvent
from shared.ids import uuid7
from shared.middleware import traceparent

log = logging.getLogger(__name__)

SOURCE = "/llm-host"
PROGRESSED = "baeum.llm.document.progressed"
SEND_TIMEOUT_SECONDS = 15.0
FIRST_PAUSE_SECONDS = 1.0
LONGEST_PAUSE_SECONDS = 60.0
IDLE_SECONDS = 5.0  # how late a report may be that nobody announced
ALL = ""  # the pause that holds for every document


def add_report(tx: sqlite3.Connection, type_: str, subject: str, data: Mapping[str, Any]) -> None:
    """Writes a report in the transaction of what it reports. Newer progress replaces progress that was not sent yet."""
    if type_ == PROGRESSED:
        tx.execute("DELETE FROM reports WHERE subject = ? AND type = ?", (subject, type_))
    tx.execute(
        "INSERT INTO reports (id, type, subject, data, traceparent, created_at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            str(uuid7()),
            type_,
            subject,
            json.dumps(data, ensure_ascii=False),
            traceparent(),
            datetime.now(UTC).isoformat(),
        ),
    )


@dataclass(frozen=True, slots=True)
class _Pause:
    """When to try again (monotonic seconds), and how long to wait if that fails too."""

    until: float
    next_seconds: float


class Reporter:
    """Sends what is due. Pauses grow: for one document when its report is refused, for all when the Broker is away."""

    def __init__(self, database: Database, broker_url: str) -> None:
        self._database = database
        self._broker_url = broker_url
        self._woken = asyncio.Event()
        self._pauses: dict[str, _Pause] = {}

    def wake(self) -> None:
        """Says that there is something to send."""
        self._woken.set()

    async def run(self) -> None:
        """Sends reports until cancelled."""
        async with httpx.AsyncClient(timeout=SEND_TIMEOUT_SECONDS) as client:
            while True:
                self._woken.clear()
                if not await self._send_due(client):
                    await self._wait()

    async def _wait(self) -> None:
        next_try = min((pause.until for pause in self._pauses.values()), default=float("inf"))
        try:
            async with asyncio.timeout(max(0.0, min(IDLE_SECONDS, next_try - time.monotonic()))):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _send_due(self, client: httpx.AsyncClient) -> bool:
        """Sends the first report of each document that is due; whether any was taken."""
        taken = False
        for sequence, subject in await asyncio.to_thread(self._first_of_each):
            if self._paused(ALL) or self._paused(subject):
                continue
            event = await asyncio.to_thread(self._load, sequence)
            if event is None:  # newer progress has replaced it
                continue
            status = await self._send(client, event)
            if status is None:
                self._pause(ALL)
            elif not 200 <= status < 300:
                self._pause(subject)
            else:
                await asyncio.to_thread(self._forget, sequence)
                self._pauses.pop(ALL, None)
                self._pauses.pop(subject, None)
                taken = True
        return taken

    def _paused(self, subject: str) -> bool:
        return subject in self._pauses and self._pauses[subject].until > time.monotonic()

    def _pause(self, subject: str) -> None:
        known = self._pauses.get(subject)
        seconds = known.next_seconds if known else FIRST_PAUSE_SECONDS
        self._pauses[subject] = _Pause(time.monotonic() + seconds, min(2 * seconds, LONGEST_PAUSE_SECONDS))

    async def _send(self, client: httpx.AsyncClient, event: CloudEvent) -> int | None:
        """The Broker's status, or None when it was not reached."""
        try:
            answer = await client.post(self._broker_url, headers=event.headers(), content=event.body())
        except httpx.HTTPError as error:
            log.warning("the broker was not reached", extra={"event_id": event.id, "error": repr(error)})
            return None
        if not answer.is_success:
            log.warning("the broker refused a report", extra={"event_id": event.id, "status": answer.status_code})
        return answer.status_code

    def _first_of_each(self) -> list[tuple[int, str]]:
        with self._database.transaction() as tx:
            rows = tx.execute("SELECT min(sequence) AS sequence, subject FROM reports GROUP BY subject ORDER BY 1")
            return [(row["sequence"], row["subject"]) for row in rows]

    def _load(self, sequence: int) -> CloudEvent | None:
        with self._database.transaction() as tx:
            row = tx.execute("SELECT * FROM reports WHERE sequence = ?", (sequence,)).fetchone()
            return _event(row) if row else None

    def _forget(self, sequence: int) -> None:
        with self._database.transaction() as tx:
            tx.execute("DELETE FROM reports WHERE sequence = ?", (sequence,))


def _event(row: sqlite3.Row) -> CloudEvent:
    return CloudEvent(
        type=row["type"],
        source=SOURCE,
        subject=row["subject"],
        data=json.loads(row["data"]),
        id=row["id"],
        time=datetime.fromisoformat(row["created_at"]),
        traceparent=row["traceparent"],
    )

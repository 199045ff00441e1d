"""Events that cannot be lost: written with the change they tell of, sent after commit, sent again until acknowledged."""

import logging
from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, LiteralString
from uuid import UUID

from psycopg.sql import SQL, Composed, Identifier
from psycopg.types.json import Jsonb

from shared.db import Database, Query, Session
from shared.events import CloudEvent
from shared.ids import uuid7
from shared.middleware import traceparent

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

BATCH = 50
SEND_TIMEOUT_SECONDS = 10.0

Spawn = Callable[[Coroutine[Any, Any, None]], None]


@dataclass(frozen=True, slots=True)
class OutboxRow:
    id: UUID
    source: str
    type: str
    subject: str
    data: dict[str, Any]
    traceparent: str | None
    created_at: datetime


class OutboxQueries:
    """The statements on `<schema>.outbox` and `<schema>.inbox`."""

    def __init__(self, schema: str) -> None:
        def scoped(statement: LiteralString) -> Composed:
            return SQL(statement).format(schema=Identifier(schema))

        self.insert = Query[None](
            None,
            scoped(
                "INSERT INTO {schema}.outbox (id, source, type, subject, data, traceparent)"
                " VALUES (%(id)s, %(source)s, %(type)s, %(subject)s, %(data)s, %(traceparent)s)"
            ),
            id=UUID,
            source=str,
            type=str,
            subject=str,
            data=Jsonb,
            traceparent=str | None,
        )
        # A lease instead of a lock: no transaction is open while the network is slow. It doubles as the back-off.
        self.lease = Query(
            OutboxRow,
            scoped(
                "UPDATE {schema}.outbox SET attempts = attempts + 1,"
                " next_attempt_at = now() + least(30 * power(2, attempts), 3600) * interval '1 second'"
                " WHERE id IN (SELECT id FROM {schema}.outbox WHERE sent_at IS NULL AND next_attempt_at <= now()"
                " ORDER BY id LIMIT %(take)s FOR UPDATE SKIP LOCKED)"
                " RETURNING id, source, type, subject, data, traceparent, created_at"
            ),
            take=int,
        )
        self.mark_sent = Query[None](
            None, scoped("UPDATE {schema}.outbox SET sent_at = now() WHERE id = ANY(%(ids)s)"), ids=list[UUID]
        )
        self.forget_sent = Query[None](
            None, scoped("DELETE FROM {schema}.outbox WHERE sent_at < now() - interval '7 days'")
        )
        self.forget_received = Query[None](
            None, scoped("DELETE FROM {schema}.inbox WHERE received_at < now() - interval '30 days'")
        )
        self.receive = Query[None](
            None,
            scoped(
                "INSERT INTO {schema}.inbox (consumer, source, event_id) VALUES (%(consumer)s, %(source)s, %(event_id)s)"
                " ON CONFLICT DO NOTHING"
            ),
            consumer=str,
            source=str,
            event_id=str,
        )


class Outbox:
    """The outbox and inbox of a function's schema."""

    def __init__(self, function: str, database: Database, broker_url: str | None, spawn: Spawn) -> None:
        self._function = function
        self._database = database
        self._broker_url = broker_url
        self._spawn = spawn
        self._queries = OutboxQueries(function.split("-")[0])
        self._client: httpx.AsyncClient | None = None

    async def add(self, session: Session, type: str, subject: UUID, data: Mapping[str, Any]) -> None:  # noqa: A002
        """Writes an event in the session's transaction; it is sent as soon as that has committed."""
        await session.run(
            self._queries.insert,
            id=uuid7(),
            source=f"/functions/{self._function}",
            type=type,
            subject=str(subject),
            data=dict(data),
            traceparent=traceparent(),
        )
        session.after_commit[self.relay] = lambda: self._spawn(self.relay())

    async def first_time(self, session: Session, event: CloudEvent) -> bool:
        """Whether this function sees the event for the first time; remembered with the session's transaction.

        A second delivery at the same moment waits here until the first has committed or rolled back.
        """
        return (
            await session.run(self._queries.receive, consumer=self._function, source=event.source, event_id=event.id)
            == 1
        )

    async def relay(self) -> None:
        """Sends what is due. Events that the Broker does not take stay, and are due again after a growing pause."""
        if self._broker_url is None:
            return
        while rows := await self._lease():
            sent = [row.id for row in rows if await self._send(self._broker_url, row)]
            async with self._database.transaction() as session:
                await session.run(self._queries.mark_sent, ids=sent)

    async def forget(self) -> None:
        """Drops events that were acknowledged a week ago, and those received a month ago, which nobody sends again."""
        async with self._database.transaction() as session:
            await session.run(self._queries.forget_sent)
            await session.run(self._queries.forget_received)

    async def close(self) -> None:
        """Closes the connection to the Broker."""
        if self._client is not None:
            await self._client.aclose()

    async def _lease(self) -> list[OutboxRow]:
        async with self._database.transaction() as session:
            return await session.all(self._queries.lease, take=BATCH)

    def _http(self) -> "httpx.AsyncClient":
        if self._client is None:
            import httpx  # heavy: only a process that has something to send pays for it

            self._client = httpx.AsyncClient(timeout=SEND_TIMEOUT_SECONDS)
        return self._client

    async def _send(self, broker_url: str, row: OutboxRow) -> bool:
        event = CloudEvent(
            type=row.type,
            source=row.source,
            subject=row.subject,
            data=row.data,
            id=str(row.id),
            time=row.created_at,
            traceparent=row.traceparent,
        )
        from httpx import HTTPError

        try:
            answer = await self._http().post(broker_url, headers=event.headers(), content=event.body())
        except HTTPError as error:
            log.warning("the broker did not take an event", extra={"event_id": event.id, "error": repr(error)})
            return False
        if not answer.is_success:
            log.warning("the broker refused an event", extra={"event_id": event.id, "status": answer.status_code})
        return answer.is_success

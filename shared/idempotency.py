"""`Idempotency-Key` on creating POSTs: the same key and body get the same answer, however often and however close together.

The key is stored in the transaction of the effect. A second request with it waits on the unique index until the first has
committed, then replays its answer; if the first rolled back, the second does the work.
"""

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, Any, LiteralString
from uuid import UUID

from fastapi import Depends, Header, Request, Response
from fastapi.responses import JSONResponse
from psycopg.sql import SQL, Composed, Identifier
from psycopg.types.json import Jsonb
from pydantic import BaseModel

from shared.auth import Principal
from shared.context import Ctx
from shared.db import Query, Session
from shared.errors import Problem, unprocessable


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    request_hash: bytes
    status: int
    body: dict[str, Any]


class IdempotencyQueries:
    """The statements on `<schema>.idempotency_key`."""

    def __init__(self, schema: str) -> None:
        def scoped(statement: LiteralString) -> Composed:
            return SQL(statement).format(schema=Identifier(schema))

        self.claim = Query[None](
            None,
            scoped(
                "INSERT INTO {schema}.idempotency_key (owner, key, request_hash)"
                " VALUES (%(owner)s, %(key)s, %(request_hash)s) ON CONFLICT (owner, key) DO NOTHING"
            ),
            owner=UUID,
            key=str,
            request_hash=bytes,
        )
        self.find = Query(
            StoredAnswer,
            scoped(
                "SELECT request_hash, status, body FROM {schema}.idempotency_key WHERE owner = %(owner)s AND key = %(key)s"
            ),
            owner=UUID,
            key=str,
        )
        self.save = Query[None](
            None,
            scoped(
                "UPDATE {schema}.idempotency_key SET status = %(status)s, body = %(body)s"
                " WHERE owner = %(owner)s AND key = %(key)s"
            ),
            owner=UUID,
            key=str,
            status=int,
            body=Jsonb,
        )
        self.forget = Query[None](
            None, scoped("DELETE FROM {schema}.idempotency_key WHERE created_at < now() - interval '24 hours'")
        )


@dataclass(frozen=True, slots=True)
class Once:
    """The request's idempotency key, if it has one."""

    key: str | None
    request_hash: bytes
    queries: IdempotencyQueries

    async def answer(
        self, session: Session, me: Principal, work: Callable[[], Awaitable[BaseModel]], status: int = 201
    ) -> Response:
        """The answer of `work`, or the stored one of an earlier request with this key.

        Raises a 422 problem when the key came with another request before.
        """
        if self.key is None:
            return JSONResponse((await work()).model_dump(mode="json"), status)
        owned = {"owner": me.id, "key": self.key}
        if not await session.run(self.queries.claim, **owned, request_hash=self.request_hash):
            return self._replay(await session.one(self.queries.find, **owned))
        body = (await work()).model_dump(mode="json")
        await session.run(self.queries.save, **owned, status=status, body=body)
        return JSONResponse(body, status)

    def _replay(self, stored: StoredAnswer) -> Response:
        if stored.request_hash != self.request_hash:
            raise key_reused()
        return JSONResponse(stored.body, stored.status, {"Idempotency-Replayed": "true"})


def key_reused() -> Problem:
    """422: the key was used with another request."""
    return unprocessable("idempotency.key_reused", "이미 다른 요청에 쓰인 Idempotency-Key입니다. 새 키로 보내 주세요.")


async def _once(
    request: Request,
    context: Ctx,
    idempotency_key: Annotated[str | None, Header(min_length=1, max_length=200)] = None,
) -> Once:
    content = request.method.encode() + b" " + request.url.path.encode() + b"\n" + await request.body()
    return Once(idempotency_key, hashlib.sha256(content).digest(), IdempotencyQueries(context.service))


Idempotent = Annotated[Once, Depends(_once)]

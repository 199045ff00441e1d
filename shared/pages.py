"""Cursor pages: `?limit=&cursor=` in, `{"items": [...], "next_cursor": ...}` out."""

import base64
import binascii
import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Generic, TypeVar
from uuid import UUID

from fastapi import Depends, Query
from pydantic import BaseModel

from shared.errors import malformed

Item = TypeVar("Item")
Row = TypeVar("Row")

DEFAULT_LIMIT = 20
MAX_LIMIT = 100


@dataclass(frozen=True, slots=True)
class Cursor:
    """The place after which a page starts: the sort key and id of the last row before it."""

    at: datetime
    id: UUID

    def __str__(self) -> str:
        body = json.dumps([self.at.isoformat(), str(self.id)]).encode()
        return base64.urlsafe_b64encode(_checksum(body) + body).decode().rstrip("=")

    @classmethod
    def parse(cls, text: str) -> "Cursor":
        """The cursor in a query parameter. Raises a 400 problem when it is not one of ours."""
        try:
            raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
            if _checksum(raw[4:]) != raw[:4]:
                raise ValueError("checksum")
            at, identifier = json.loads(raw[4:])
            return cls(datetime.fromisoformat(at), UUID(identifier))
        except (ValueError, binascii.Error) as error:
            raise malformed(
                "page.cursor_invalid", "페이지 위치를 알 수 없습니다. 처음부터 다시 불러와 주세요."
            ) from error


class Page(BaseModel, Generic[Item]):
    """One page of a list; `next_cursor` is null on the last one."""

    items: list[Item]
    next_cursor: str | None = None


@dataclass(frozen=True, slots=True)
class PageRequest:
    """How many items the caller wants, and from where. Statements take `limit + 1` rows to see whether more follow."""

    limit: int
    after: Cursor | None

    def parameters(self) -> dict[str, object]:
        """The three parameters every list statement has: `after_at`, `after_id` (both null at the start) and `take`."""
        return {
            "after_at": self.after.at if self.after else None,
            "after_id": self.after.id if self.after else None,
            "take": self.limit + 1,
        }

    def page(self, rows: Sequence[Row], item: Callable[[Row], Item], place: Callable[[Row], Cursor]) -> Page[Item]:
        """The page made of `limit + 1` rows at most."""
        shown = rows[: self.limit]
        more = len(rows) > self.limit
        return Page(items=[item(row) for row in shown], next_cursor=str(place(shown[-1])) if more else None)


def _checksum(body: bytes) -> bytes:
    return hashlib.sha256(b"cursor" + body).digest()[:4]


def _page_request(
    limit: Annotated[int, Query(ge=1, le=MAX_LIMIT)] = DEFAULT_LIMIT, cursor: str | None = None
) -> PageRequest:
    return PageRequest(limit, Cursor.parse(cursor) if cursor else None)


Paging = Annotated[PageRequest, Depends(_page_request)]

"""Edits that cannot overwrite newer ones: `ETag` out, `If-Match` in, both made of the row's revision."""

from typing import Annotated

from fastapi import Depends, Header

from shared.errors import Problem, stale


def etag(revision: int) -> str:
    """The entity tag of a row's revision (RFC 9110, section 8.8.3)."""
    return f'"{revision}"'


def _expected_revision(if_match: Annotated[str | None, Header()] = None) -> int:
    if if_match is None:
        raise Problem(428, "edit.if_match_required", "수정하려면 If-Match 헤더에 읽은 시점의 ETag를 보내 주세요.")
    tag = if_match.strip()
    if len(tag) < 3 or not (tag[0] == tag[-1] == '"') or not tag[1:-1].isdecimal():
        raise stale()
    return int(tag[1:-1])


# The revision that the caller has read; an edit's statement changes the row only while it still has it.
ExpectedRevision = Annotated[int, Depends(_expected_revision)]

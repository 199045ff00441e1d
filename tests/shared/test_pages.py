"""Cursor pages."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Problem
from shared.pages import Cursor, PageRequest


@given(st.datetimes(timezones=st.just(UTC)), st.uuids())
def test_a_cursor_comes_back_as_it_was(at: datetime, identifier: UUID) -> None:
    cursor = Cursor(at, identifier)
    assert Cursor.parse(str(cursor)) == cursor


@given(st.text(max_size=80))
def test_what_is_no_cursor_is_a_400(text: str) -> None:
    with pytest.raises(Problem) as raised:
        Cursor.parse(text)
    assert (raised.value.status, raised.value.code) == (400, "page.cursor_invalid")


def test_a_changed_cursor_is_refused() -> None:
    text = str(Cursor(datetime.now(UTC), UUID(int=7)))
    changed = text[:-2] + ("AA" if not text.endswith("AA") else "BB")
    with pytest.raises(Problem):
        Cursor.parse(changed)


@pytest.mark.parametrize(("rows", "items", "more"), [(0, 0, False), (2, 2, False), (3, 2, True)])
def test_a_page_has_a_next_one_only_when_a_row_is_left(rows: int, items: int, more: bool) -> None:
    found = [UUID(int=number) for number in range(rows)]
    now = datetime.now(UTC)
    page = PageRequest(2, None).page(found, str, lambda row: Cursor(now, row))
    assert (len(page.items), page.next_cursor is not None) == (items, more)

"""Identifiers."""

from hypothesis import given
from hypothesis import strategies as st

from shared.ids import derived_id, uuid7


def test_new_ids_are_ordered_by_the_time_they_were_made() -> None:
    ids = [uuid7() for _ in range(1000)]
    milliseconds = [identifier.int >> 80 for identifier in ids]
    assert milliseconds == sorted(milliseconds)
    assert len(set(ids)) == 1000
    assert {(identifier.version, identifier.variant) for identifier in ids} == {(7, "specified in RFC 4122")}


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_a_derived_id_is_the_same_for_the_same_parts(parts: list[str]) -> None:
    assert derived_id(*parts) == derived_id(*parts)
    assert derived_id(*parts).version == 8


def test_parts_do_not_run_into_each_other() -> None:
    assert derived_id("ab", "c") != derived_id("a", "bc")

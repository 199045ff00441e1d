"""Who may read what: those who manage or review see everything, an employee what answers are drawn from for them."""

from typing import Any
from uuid import uuid4

from tests.functions.client import Person
from tests.functions.infra.library import ADMIN, BASE, CREATOR, EMPLOYEE, REVIEWER, STRANGER, Library

NOBODY = Person()  # an employee without a department


async def titles(library: Library, who: Person = CREATOR, **filters: Any) -> list[str]:
    """The titles in the first page of the list."""
    answer = await library.call("GET", BASE, who, params=filters)
    assert answer.status_code == 200, answer.text
    return [item["version"]["title"] for item in answer.json()["items"]]


async def test_the_list_is_for_those_who_manage_or_review(library: Library) -> None:
    await library.register()
    for who in (ADMIN, CREATOR, REVIEWER):
        assert len(await titles(library, who)) == 1
    assert (await library.call("GET", BASE, EMPLOYEE)).status_code == 403


async def test_the_list_is_paged_newest_first_and_loses_nothing(library: Library) -> None:
    for number in range(5):
        await library.register(title=f"규정 {number}")
    seen, cursor = [], None
    while True:
        page = (await library.call("GET", BASE, params={"limit": 2} | ({"cursor": cursor} if cursor else {}))).json()
        seen += [item["version"]["title"] for item in page["items"]]
        cursor = page["next_cursor"]
        if cursor is None:
            break
        await library.register(title="나중에 등록")
    assert seen == [f"규정 {number}" for number in (4, 3, 2, 1, 0)]


async def test_the_list_narrows_by_what_a_version_is_and_where_it_stands(library: Library) -> None:
    await library.pending(title="보안 규정 100%", domain="SECURITY")
    await library.register(ADMIN, title="교육 안내_1", domain="EDUCATION")
    assert await titles(library, domain="SECURITY") == ["보안 규정 100%"]
    assert await titles(library, review_state="PENDING") == ["보안 규정 100%"]
    assert await titles(library, processing_state="REGISTERED") == ["교육 안내_1"]
    assert await titles(library, search="0%") == ["보안 규정 100%"]
    assert await titles(library, search="_") == ["교육 안내_1"]
    assert await titles(library, search="없는 제목") == []
    assert await titles(library, mine=True) == ["보안 규정 100%"]
    assert await titles(library, ADMIN, mine=True) == ["교육 안내_1"]
    assert await titles(library, domain="SECURITY", mine=True, review_state="DRAFT") == []


async def test_a_document_is_listed_with_its_newest_version_that_matches(library: Library) -> None:
    first = await library.pending(title="옛 규정")
    await library.register_next(first.document_id, title="새 규정")
    (item,) = (await library.call("GET", BASE)).json()["items"]
    assert (item["id"], item["versions"], item["version"]["number"]) == (first.document_id, 2, 2)
    assert await titles(library, review_state="PENDING") == ["옛 규정"]


async def test_a_filter_that_cannot_be_meant_is_refused(library: Library) -> None:
    for filters in ({"domain": "COOKING"}, {"limit": 0}, {"limit": 101}, {"search": "\0"}, {"mine": "perhaps"}):
        assert (await library.call("GET", BASE, params=filters)).status_code == 422, filters
    assert (await library.call("GET", BASE, params={"cursor": "nonsense"})).status_code == 400


async def test_an_employee_sees_a_document_once_it_is_findable_for_their_department(library: Library) -> None:
    version = await library.ready(departments=["인사팀"])
    await library.approve(version)
    paths = [f"{BASE}/{version.document_id}", version.path, f"{version.path}/chunks", f"{version.path}/file"]
    for path in paths:
        assert (await library.call("GET", path, EMPLOYEE)).status_code == 404
    await library.tell("approved", version)
    await library.report("activated", version)
    for path in paths:
        assert (await library.call("GET", path, EMPLOYEE)).status_code == 200
        assert (await library.call("GET", path, STRANGER)).status_code == 404
        assert (await library.call("GET", path, NOBODY)).status_code == 404


async def test_a_document_for_everybody_is_for_those_without_a_department_too(library: Library) -> None:
    version = await library.searchable()
    for who in (EMPLOYEE, STRANGER, NOBODY):
        assert (await library.call("GET", version.path, who)).status_code == 200


async def test_an_employee_sees_neither_drafts_nor_what_was_said_about_them(library: Library) -> None:
    version = await library.searchable()
    draft = await library.register_next(version.document_id, title="초안")
    document = (await library.call("GET", f"{BASE}/{version.document_id}", EMPLOYEE)).json()
    assert [each["number"] for each in document["versions"]] == [1]
    assert (await library.call("GET", draft.path, EMPLOYEE)).status_code == 404
    assert (await library.version(version, EMPLOYEE))["history"] == []
    everything = (await library.call("GET", f"{BASE}/{version.document_id}", REVIEWER)).json()
    assert [each["number"] for each in everything["versions"]] == [2, 1]


async def test_the_chunks_come_in_order_page_by_page(library: Library) -> None:
    version = await library.ready()
    first = (await library.call("GET", f"{version.path}/chunks", params={"limit": 1})).json()
    assert [(chunk["position"], chunk["clause"], chunk["page"]) for chunk in first["items"]] == [(0, "제1조", 1)]
    rest = (await library.call("GET", f"{version.path}/chunks", params={"cursor": first["next_cursor"]})).json()
    assert [chunk["text"] for chunk in rest["items"]] == ["제2조(연차)"]
    assert rest["next_cursor"] is None


async def test_what_does_not_exist_or_was_deleted_is_not_found(library: Library) -> None:
    version = await library.searchable()
    await library.call("DELETE", f"{BASE}/{version.document_id}")
    for document in (version.document_id, uuid4(), "nonsense"):
        for path in ("", "/versions/1", "/versions/1/chunks", "/versions/1/file"):
            assert (await library.call("GET", f"{BASE}/{document}{path}")).status_code == 404
    for number in (0, 2, 10**12, "x"):
        assert (await library.call("GET", f"{BASE}/{version.document_id}/versions/{number}")).status_code == 404

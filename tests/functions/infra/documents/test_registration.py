"""Registering documents and versions: what is refused, what a repeat answers, which numbers versions get."""

import asyncio
import json
from typing import Any
from uuid import uuid4

from tests.functions.client import Person
from tests.functions.infra.library import (
    ADMIN,
    BASE,
    CREATOR,
    EMPLOYEE,
    FILE_FIELDS,
    REVIEWER,
    Library,
    held,
    new_document,
)

MEBI = 1 << 20
MEANINGLESS: list[tuple[dict[str, Any], str]] = [
    ({"title": " "}, "/title"),
    ({"title": "가" * 201}, "/title"),
    ({"title": "취업\0규칙"}, "/title"),
    ({"title": "취업\ud800규칙"}, "/title"),
    ({"domain": "COOKING"}, "/domain"),
    ({"departments": [""]}, "/departments/0"),
    ({"departments": "인사팀"}, "/departments"),
    ({"filename": "../규칙.txt"}, "/filename"),
    ({"sha256": "abc"}, "/sha256"),
    ({"sha256": "g" * 64}, "/sha256"),
    ({"size": "많음"}, "/size"),
    ({"change_summary": "가" * 2001}, "/change_summary"),
]
NOT_TAKEN: list[tuple[dict[str, Any], int, str]] = [
    ({"size": 0}, 422, "document.empty"),
    ({"size": -1}, 422, "document.empty"),
    ({"size": 200 * MEBI + 1}, 413, "document.too_large"),
    ({"size": 10**30}, 413, "document.too_large"),
    ({"filename": "규칙.exe"}, 415, "document.type_unsupported"),
    ({"content_type": "application/pdf"}, 415, "document.type_unsupported"),
]


async def test_a_registered_document_waits_for_its_file(library: Library) -> None:
    answer = await library.call("POST", BASE, json=new_document(departments=["인사팀", "인사팀", "영업팀"]))
    version = held(answer)
    body = answer.json()["version"]
    assert (body["number"], body["processing_state"], body["review_state"]) == (1, "REGISTERED", "DRAFT")
    assert body["departments"] == ["인사팀", "영업팀"]
    assert body["created_by"] == str(CREATOR.id)
    assert version.upload["method"] == "PUT"
    assert version.upload["headers"]["Content-Type"] == "text/plain"
    assert await library.actions(version) == ["REGISTERED"]


async def test_only_those_who_manage_documents_register_them(library: Library) -> None:
    version = await library.register()
    for who in (EMPLOYEE, REVIEWER, Person(("COMPLAINT_MANAGER",))):
        for path in (BASE, f"{BASE}/{version.document_id}/versions"):
            assert (await library.call("POST", path, who, json=new_document())).status_code == 403


async def test_what_cannot_be_meant_is_pointed_at(library: Library) -> None:
    for changes, pointer in MEANINGLESS:
        answer = await library.call("POST", BASE, content=as_json(new_document(**changes)), headers=JSON)
        assert answer.status_code == 422, changes
        assert [error["pointer"] for error in answer.json()["errors"]] == [pointer], changes


async def test_a_file_that_is_not_taken_is_refused_before_it_is_sent(library: Library) -> None:
    for changes, status, code in NOT_TAKEN:
        answer = await library.call("POST", BASE, json=new_document(**changes))
        assert (answer.status_code, answer.json()["code"]) == (status, code), changes
    assert await library.one("SELECT count(*)::text FROM infra.document") == "0"


async def test_a_large_file_is_uploaded_in_parts(library: Library) -> None:
    version = await library.register(size=150 * MEBI)
    assert version.upload["part_bytes"] == 64 * MEBI
    assert [part["number"] for part in version.upload["parts"]] == [1, 2, 3]
    assert await library.column(version, "upload_id") == version.upload["upload_id"]


async def test_the_same_key_registers_once(library: Library) -> None:
    keyed = {"headers": {"Idempotency-Key": "a"}, "json": new_document(size=100 * MEBI)}
    first, second = [await library.call("POST", BASE, **keyed) for _ in range(2)]
    assert held(first).id == held(second).id
    assert held(first).upload["upload_id"] == held(second).upload["upload_id"]
    assert second.headers["Idempotency-Replayed"] == "true"
    other = await library.call("POST", BASE, headers=keyed["headers"], json=new_document(title="다른 제목"))
    assert (other.status_code, other.json()["code"]) == (422, "idempotency.key_reused")


async def test_the_same_key_at_the_same_moment_registers_once_and_begins_one_upload(library: Library) -> None:
    keyed = {"headers": {"Idempotency-Key": "a"}, "json": new_document(size=100 * MEBI)}
    answers = await asyncio.gather(*(library.call("POST", BASE, **keyed) for _ in range(8)))
    versions = [held(answer) for answer in answers]
    assert len({(version.id, version.upload["upload_id"]) for version in versions}) == 1
    assert await library.one("SELECT count(*)::text FROM infra.document_version") == "1"


async def test_a_repeat_after_the_upload_answers_without_a_place_to_upload_to(library: Library) -> None:
    keyed = {"headers": {"Idempotency-Key": "a"}, "json": new_document()}
    version = held(await library.call("POST", BASE, **keyed))
    await library.upload(version)
    repeated = await library.call("POST", BASE, **keyed)
    assert (repeated.status_code, repeated.json()["upload"]) == (201, None)


async def test_a_next_version_keeps_what_is_left_out(library: Library) -> None:
    first = await library.register(title="취업규칙", departments=["인사팀"], domain="HR")
    second = await library.register_next(first.document_id, ADMIN, change_summary="제2조 개정")
    third = await library.register_next(first.document_id, title="개정 취업규칙", departments=[])
    bodies = [await library.version(version) for version in (second, third)]
    assert [body["number"] for body in bodies] == [2, 3]
    assert [body["title"] for body in bodies] == ["취업규칙", "개정 취업규칙"]
    assert [body["departments"] for body in bodies] == [["인사팀"], []]
    assert [body["domain"] for body in bodies] == ["HR", "HR"]
    assert [body["change_summary"] for body in bodies] == ["제2조 개정", None]
    assert [body["created_by"] for body in bodies] == [str(ADMIN.id), str(CREATOR.id)]


async def test_versions_registered_at_the_same_moment_get_numbers_of_their_own(library: Library) -> None:
    first = await library.register()
    versions = await asyncio.gather(*(library.register_next(first.document_id) for _ in range(20)))
    assert sorted(version.number for version in versions) == list(range(2, 22))


async def test_the_same_key_adds_one_version(library: Library) -> None:
    first = await library.register()
    body = {name: value for name, value in new_document().items() if name in FILE_FIELDS}
    path = f"{BASE}/{first.document_id}/versions"
    keyed = {"headers": {"Idempotency-Key": "a"}, "json": body}
    answers = await asyncio.gather(*(library.call("POST", path, **keyed) for _ in range(4)))
    assert {held(answer).number for answer in answers} == {2}


async def test_a_version_of_an_unknown_or_deleted_document_is_not_found(library: Library) -> None:
    version = await library.register()
    await library.call("DELETE", f"{BASE}/{version.document_id}")
    for document in (version.document_id, uuid4(), "nonsense"):
        answer = await library.call("POST", f"{BASE}/{document}/versions", json=new_document())
        assert answer.status_code == 404


JSON = {"content-type": "application/json"}


def as_json(body: dict[str, Any]) -> bytes:
    """JSON in ASCII, which can spell what UTF-8 cannot."""
    return json.dumps(body).encode()

"""Jobs for documents: given often, done once, whatever happens to the host."""

import threading
from uuid import uuid4

import pytest

from llm_host.engines.builtin import DIMENSION, BuiltinEngine
from llm_host.vectors import VectorStore
from tests.llm_host.standins import (
    Host,
    activate,
    eventually,
    finished,
    job,
    publish,
    search,
    upload,
)

LEAVE = "# 휴가 규정\n\n제15조(연차휴가) 1년간 80퍼센트 이상 출근한 직원에게 15일의 유급휴가를 준다.\n"


def long_document(articles: int) -> str:
    """Enough text for several batches of embedding and storing."""
    paragraph = "임직원은 이 조에서 정한 절차에 따라 신청서를 내고 승인을 받아야 하며 기한을 지켜야 한다. " * 6
    return "# 긴 규정\n\n" + "\n\n".join(f"제{at}조(절차 {at}) {paragraph}" for at in range(1, articles + 1))


async def vectors_left(host: Host, version_id: str) -> int:
    """How many vectors of a version the stopped host has left on the disk."""
    store = VectorStore(str(host.data / "vectors.db"), DIMENSION, BuiltinEngine.embedding_model)
    try:
        return await store.count(version_id)
    finally:
        store.close()


def test_a_document_becomes_findable_only_when_it_is_activated(host: Host) -> None:
    uploaded = upload(host, LEAVE, title="활성화 시험", domain="activation")
    assert finished(host, uploaded.version_id)["state"] == "DONE"
    assert search(host, "연차휴가", domains=["activation"]) == []
    activate(host, uploaded.version_id)
    passage = search(host, "연차휴가", domains=["activation"])[0]
    assert passage["version_id"] == uploaded.version_id
    assert passage["document_id"] == uploaded.document_id
    assert passage["chunk_id"] == f"{uploaded.version_id}:0"
    assert (passage["number"], passage["title"], passage["version"]) == (1, "활성화 시험", 1)
    assert (passage["heading"], passage["clause"]) == ("휴가 규정", "제15조(연차휴가)")
    assert "15일의 유급휴가" in passage["text"]
    assert passage["snippet"]
    assert 0.0 <= passage["score"] <= 1.0


def test_a_document_given_twice_is_one_job(host: Host) -> None:
    first = upload(host, LEAVE)
    finished(host, first.version_id)
    again = host.client.put(f"/v1/documents/{first.version_id}", json=first.body)
    assert again.status_code == 202
    assert again.json() == job(host, first.version_id)
    assert again.json()["state"] == "DONE"
    eventually(lambda: host.broker.of(first.version_id, "indexed"))
    assert len(host.broker.of(first.version_id, "indexed")) == 1
    assert len(host.storage.asked) == len(set(host.storage.asked))


def test_a_higher_attempt_replaces_the_chunks(host: Host) -> None:
    first = publish(host, LEAVE + "\n제16조(이월) 남은 연차는 이월하지 아니한다.\n", domain="replaced")
    assert len(search(host, "연차", domains=["replaced"])) == 2
    upload(
        host,
        LEAVE,
        version_id=first.version_id,
        document_id=first.document_id,
        domain="replaced",
        attempt=2,
    )
    assert finished(host, first.version_id) | {"attempt": 2, "state": "DONE"} == finished(host, first.version_id)
    found = search(host, "연차", domains=["replaced"])
    assert [passage["clause"] for passage in found] == ["제15조(연차휴가)"]


def test_a_newer_version_takes_the_place_of_the_older_one(host: Host) -> None:
    old = publish(host, LEAVE, domain="newer")
    new = upload(host, LEAVE.replace("15일", "20일"), document_id=old.document_id, number=2, domain="newer")
    draft = upload(host, LEAVE.replace("15일", "99일"), document_id=old.document_id, number=3, domain="newer")
    finished(host, draft.version_id)
    activate(host, new.version_id)
    assert [each["version_id"] for each in search(host, "유급휴가", domains=["newer"])] == [new.version_id]
    assert host.client.post(f"/v1/documents/{old.version_id}/activate").status_code == 409
    activate(host, draft.version_id)
    assert [each["version_id"] for each in search(host, "유급휴가", domains=["newer"])] == [draft.version_id]


def test_activating_again_changes_nothing(host: Host) -> None:
    uploaded = publish(host, LEAVE, domain="again")
    activate(host, uploaded.version_id)
    assert len(search(host, "연차휴가", domains=["again"])) == 1


def test_a_deleted_document_is_never_found_again(own_host: Host) -> None:
    uploaded = publish(own_host, LEAVE)
    assert search(own_host, "연차휴가")
    assert own_host.client.delete(f"/v1/documents/{uploaded.version_id}").status_code == 202
    assert search(own_host, "연차휴가") == []
    assert finished(own_host, uploaded.version_id)["kind"] == "remove"
    eventually(lambda: own_host.broker.of(uploaded.version_id, "removed"))
    assert own_host.client.post(f"/v1/documents/{uploaded.version_id}/activate").status_code == 409
    own_host.kill()
    own_host.restart()
    assert search(own_host, "연차휴가") == []


async def test_a_deleted_document_leaves_no_vector(own_host: Host) -> None:
    uploaded = publish(own_host, LEAVE)
    own_host.client.delete(f"/v1/documents/{uploaded.version_id}")
    finished(own_host, uploaded.version_id)
    own_host.stop()
    assert await vectors_left(own_host, uploaded.version_id) == 0


def test_deleting_what_was_never_there_is_reported_as_done(host: Host) -> None:
    unknown = str(uuid4())
    assert host.client.delete(f"/v1/documents/{unknown}").status_code == 202
    assert finished(host, unknown)["state"] == "DONE"
    assert eventually(lambda: host.broker.of(unknown, "removed"))


def test_a_document_deleted_while_it_is_processed_is_not_indexed(host: Host) -> None:
    gate = threading.Event()
    url = host.storage.put(LEAVE.encode())
    host.storage.gates[url.removeprefix(host.storage.url)] = gate
    uploaded = upload(host, LEAVE, url=url)
    eventually(lambda: job(host, uploaded.version_id)["stage"] == "download")
    host.client.delete(f"/v1/documents/{uploaded.version_id}")
    assert finished(host, uploaded.version_id)["kind"] == "remove"
    gate.set()
    eventually(lambda: host.broker.of(uploaded.version_id, "removed"))
    publish(host, LEAVE, domain="after-deletion")  # the lane has come past the deleted one
    assert host.broker.of(uploaded.version_id, "indexed") == []
    assert job(host, uploaded.version_id)["kind"] == "remove"


async def test_a_cancelled_job_leaves_no_vector(own_host: Host) -> None:
    uploaded = upload(own_host, long_document(400))
    eventually(lambda: job(own_host, uploaded.version_id)["stage"] == "store")
    cancelled = own_host.client.post(f"/v1/documents/{uploaded.version_id}/cancel")
    assert (cancelled.status_code, cancelled.json()["state"]) == (202, "CANCELLED")
    publish(own_host, LEAVE)  # the lane has come past the cancelled one
    assert own_host.broker.of(uploaded.version_id, "indexed") == []
    own_host.stop()
    assert await vectors_left(own_host, uploaded.version_id) == 0


def test_cancelling_what_is_done_changes_nothing(host: Host) -> None:
    uploaded = upload(host, LEAVE)
    done = finished(host, uploaded.version_id)
    assert host.client.post(f"/v1/documents/{uploaded.version_id}/cancel").json() == done


@pytest.mark.parametrize("stage", ["download", "embed", "store"])
async def test_a_killed_host_finishes_the_job_without_doubles(own_host: Host, stage: str) -> None:
    text = long_document(400)
    url = own_host.storage.put(text.encode())
    gate = own_host.storage.gates.setdefault(url.removeprefix(own_host.storage.url), threading.Event())
    if stage != "download":
        gate.set()
    uploaded = upload(own_host, text, url=url)
    eventually(lambda: job(own_host, uploaded.version_id)["stage"] == stage)
    own_host.kill()
    gate.set()
    own_host.restart()
    assert finished(own_host, uploaded.version_id)["state"] == "DONE"
    indexed = eventually(lambda: own_host.broker.of(uploaded.version_id, "indexed"))
    reported = [
        chunk["position"]
        for event in own_host.broker.of(uploaded.version_id, "chunked")
        for chunk in event.data["chunks"]
    ]
    assert reported == list(range(indexed[0].data["chunks"]))
    own_host.stop()
    assert await vectors_left(own_host, uploaded.version_id) == indexed[0].data["chunks"]


def test_a_stopped_host_goes_on_later(own_host: Host) -> None:
    gate = threading.Event()
    url = own_host.storage.put(LEAVE.encode())
    own_host.storage.gates[url.removeprefix(own_host.storage.url)] = gate
    uploaded = upload(own_host, LEAVE, url=url)
    eventually(lambda: job(own_host, uploaded.version_id)["stage"] == "download")
    own_host.stop()
    gate.set()
    own_host.restart()
    assert finished(own_host, uploaded.version_id)["state"] == "DONE"


def test_a_job_that_kills_the_host_each_time_fails_at_last(own_host: Host) -> None:
    url = own_host.storage.put(LEAVE.encode())
    path = url.removeprefix(own_host.storage.url)
    own_host.storage.gates[path] = threading.Event()
    uploaded = upload(own_host, LEAVE, url=url)
    for start in range(1, 4):
        eventually(lambda start=start: own_host.storage.asked.count(path) == start)
        own_host.kill()
        own_host.restart()
    failed = finished(own_host, uploaded.version_id)
    assert (failed["state"], failed["code"]) == ("FAILED", "document.crashes_host")


def test_an_approval_does_not_wait_for_a_long_file(host: Host) -> None:
    ready = upload(host, LEAVE)
    finished(host, ready.version_id)
    gate = threading.Event()
    url = host.storage.put(LEAVE.encode())
    host.storage.gates[url.removeprefix(host.storage.url)] = gate
    slow = upload(host, LEAVE, url=url)
    eventually(lambda: job(host, slow.version_id)["stage"] == "download")
    activate(host, ready.version_id)
    assert job(host, slow.version_id)["state"] == "RUNNING"
    gate.set()
    assert finished(host, slow.version_id)["state"] == "DONE"


def test_what_is_not_indexed_cannot_be_activated(host: Host) -> None:
    unknown = host.client.post(f"/v1/documents/{uuid4()}/activate")
    assert (unknown.status_code, unknown.json()["code"]) == (404, "document.not_found")
    failed = upload(host, LEAVE, sha256="0" * 64)
    finished(host, failed.version_id)
    refused = host.client.post(f"/v1/documents/{failed.version_id}/activate")
    assert (refused.status_code, refused.json()["code"]) == (409, "document.not_indexed")


def test_nobody_finds_what_is_for_another_department(host: Host) -> None:
    publish(host, LEAVE, departments=["인사팀", '보"안\\팀'], domain="acl")
    for department in ("인사팀", '보"안\\팀'):
        assert len(search(host, "연차휴가", department, domains=["acl"])) == 1
    for department in (None, "영업팀", "인사", "인사팀 ", "보안팀", "*", "%", "[]", '"]) or true or version_id in ["'):
        assert search(host, "연차휴가", department, domains=["acl"]) == []
        answer = host.client.post(
            "/v1/answers",
            json={"question": "연차휴가는 며칠인가요?", "department": department, "domains": ["acl"], "stream": False},
        ).json()
        assert (answer["sources"], answer["done"]["grounded"]) == ([], False)


def test_a_department_that_loses_a_document_loses_it_with_the_next_attempt(host: Host) -> None:
    given = publish(host, LEAVE, departments=["인사팀", "영업팀"], domain="acl-change")
    upload(
        host,
        LEAVE,
        version_id=given.version_id,
        document_id=given.document_id,
        attempt=2,
        departments=["인사팀"],
        domain="acl-change",
    )
    finished(host, given.version_id)
    assert search(host, "연차휴가", "영업팀", domains=["acl-change"]) == []
    assert search(host, "연차휴가", "인사팀", domains=["acl-change"])


def test_domains_narrow_a_search(host: Host) -> None:
    publish(host, LEAVE, domain="narrow-a")
    publish(host, LEAVE, domain="narrow-b")
    assert len(search(host, "연차휴가", domains=["narrow-a"])) == 1
    assert len(search(host, "연차휴가", domains=["narrow-a", "narrow-b"])) == 2

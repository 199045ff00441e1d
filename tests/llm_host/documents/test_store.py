"""Changes of state when several want the same version at once, on a real SQLite file."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import uuid4

import pytest

from llm_host.database import Database
from llm_host.documents.store import Job, Source, Store, Superseded, Version
from shared.errors import Problem

SOURCE = Source("문서.md", "text/markdown", 10, "0" * 64, "http://storage/file")


@pytest.fixture
def database(tmp_path: Path) -> Iterator[Database]:
    opened = Database(tmp_path / "host.sqlite3")
    yield opened
    opened.close()


@pytest.fixture
def store(database: Database) -> Store:
    return Store(database)


def version(document_id: str = "", number: int = 1) -> Version:
    return Version(str(uuid4()), document_id or str(uuid4()), "휴가 규정", number, "POLICY", [])


def started(store: Store, given: Version, attempt: int = 1) -> Job:
    """A process job that a worker has taken."""
    store.submit(given, SOURCE, attempt, "trace")
    job = store.take(["process"])
    assert job is not None
    assert job.id == given.id
    return job


def indexed(store: Store, given: Version) -> None:
    job = started(store, given)
    store.begin_vectors(job)
    store.indexed(job, [])


def live(store: Store, given: Version) -> None:
    indexed(store, given)
    store.activate(given.id, "trace")
    job = store.take(["activate"])
    assert job is not None
    assert store.make_live(job)
    store.done(job, "baeum.llm.document.activated")


def test_many_who_give_the_same_version_make_one_job(store: Store) -> None:
    given = version()
    with ThreadPoolExecutor(8) as threads:
        jobs = list(threads.map(lambda _: store.submit(given, SOURCE, 1, "trace"), range(32)))
        taken = list(threads.map(lambda _: store.take(["process"]), range(8)))
    assert {job.id for job in jobs} == {given.id}
    assert len([job for job in taken if job]) == 1


CHANGES: dict[str, Callable[[Store, Job], object]] = {
    "check": lambda store, job: store.check(job),
    "progress": lambda store, job: store.progress(job, "embed", 50),
    "begin_vectors": lambda store, job: store.begin_vectors(job),
    "indexed": lambda store, job: store.indexed(job, [("baeum.llm.document.indexed", {})]),
    "fail": lambda store, job: store.fail(job, "document.corrupt", "손상", retryable=False),
    "done": lambda store, job: store.done(job, "baeum.llm.document.removed"),
    "version": lambda store, job: store.version(job),
}
INTERVENTIONS: dict[str, Callable[[Store, Version], object]] = {
    "cancelled": lambda store, given: store.cancel(given.id),
    "removed": lambda store, given: store.remove(given.id, "trace"),
    "started again": lambda store, given: started(store, given, attempt=2),
    "recovered": lambda store, _: (store.recover(), store.take(["process"])),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("intervention", INTERVENTIONS)
def test_a_superseded_run_changes_nothing_more(
    store: Store, database: Database, intervention: str, change: str
) -> None:
    given = version()
    job = started(store, given)
    INTERVENTIONS[intervention](store, given)
    before = store.job(given.id)
    with pytest.raises(Superseded):
        CHANGES[change](store, job)
    assert store.job(given.id) == before
    with database.transaction() as tx:
        assert tx.execute("SELECT count(*) FROM reports").fetchone()[0] == 0


def test_a_deletion_on_its_way_cannot_be_overtaken_by_an_approval(store: Store) -> None:
    given = version()
    live(store, given)
    store.remove(given.id, "trace")
    assert store.findable(None, []) == {}
    with pytest.raises(Problem, match=r"document\.not_indexed"):
        store.activate(given.id, "trace")


def test_an_approval_waits_for_the_processing(store: Store) -> None:
    given = version()
    started(store, given)
    with pytest.raises(Problem, match=r"document\.in_progress"):
        store.activate(given.id, "trace")


def test_of_two_versions_that_go_live_at_once_one_is_findable(store: Store) -> None:
    first = version()
    second = version(first.document_id, 2)
    live(store, first)
    indexed(store, second)
    store.activate(second.id, "trace")
    store.remove(first.id, "trace")
    assert store.findable(None, []) == {}
    job = store.take(["activate"])
    assert job is not None
    assert store.make_live(job)
    assert set(store.findable(None, [])) == {second.id}


def test_a_version_that_lost_its_vectors_to_a_newer_one_does_not_go_live_again(store: Store) -> None:
    old, new = (first := version()), version(first.document_id, 2)
    live(store, old)
    indexed(store, new)
    store.activate(new.id, "trace")
    newer = store.take(["activate"])
    assert newer is not None
    assert store.make_live(newer)
    with pytest.raises(Problem, match=r"document\.not_indexed"):
        store.activate(old.id, "trace")
    assert set(store.findable(None, [])) == {new.id}
    assert store.orphans() == [old.id]


def test_a_version_that_is_processed_again_stays_findable_until_its_vectors_are_replaced(store: Store) -> None:
    given = version()
    live(store, given)
    again = started(store, given, attempt=2)
    assert set(store.findable(None, [])) == {given.id}
    store.begin_vectors(again)
    assert store.findable(None, []) == {}
    assert store.orphans() == []
    store.indexed(again, [])
    assert set(store.findable(None, [])) == {given.id}


def test_progress_that_was_not_sent_is_replaced_by_newer_progress(store: Store, database: Database) -> None:
    job = started(store, version())
    for percent in (0, 3, 12, 14, 27, 35):
        store.progress(job, "embed", percent)
    with database.transaction() as tx:
        assert [row["data"] for row in tx.execute("SELECT data FROM reports")] == [
            '{"attempt": 1, "stage": "embed", "progress": 35}'
        ]


def test_a_stopped_job_does_not_count_as_a_crash(store: Store) -> None:
    given = version()
    for _ in range(10):
        store.give_back(started(store, given))
    assert started(store, given).tries == 1

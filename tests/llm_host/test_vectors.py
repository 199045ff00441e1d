"""The vector store on a real Milvus Lite."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from llm_host.engines.builtin import BuiltinEngine
from llm_host.vectors import COLLECTION, StoredChunk, VectorStore, equals, one_of
from shared.config import ConfigError
from shared.errors import Problem

ENGINE = BuiltinEngine()


@pytest.fixture
def store(tmp_path: Path) -> Iterator[VectorStore]:
    opened = open_store(tmp_path)
    yield opened
    opened.close()


def open_store(folder: Path, model: str = ENGINE.embedding_model, dimension: int = ENGINE.dimension) -> VectorStore:
    return VectorStore(str(folder / "vectors.db"), dimension, model)


def chunk(version: str, position: int, text: str) -> StoredChunk:
    return StoredChunk(f"{version}:{position}", "d", version, None, None, None, text, "제목")


async def add(store: VectorStore, version: str, *texts: str) -> None:
    await store.insert([chunk(version, at, text) for at, text in enumerate(texts)], await ENGINE.embed(texts))


async def found(store: VectorStore, query: str, *versions: str) -> list[str]:
    return [hit.id for hit in await store.search(query, await ENGINE.embed_query(query), versions, 10)]


async def test_a_word_is_found_whatever_particle_it_carries(store: VectorStore) -> None:
    await add(store, "v1", "연차휴가는 미리 신청한다.", "법인카드의 한도는 월 백만 원이다.", "출장비를 정산한다.")
    assert (await found(store, "연차휴가", "v1"))[0] == "v1:0"
    assert (await found(store, "법인카드를", "v1"))[0] == "v1:1"


async def test_only_named_versions_are_found(store: VectorStore) -> None:
    await add(store, "v1", "연차휴가")
    await add(store, "v2", "연차휴가")
    assert await found(store, "연차휴가", "v2") == ["v2:0"]
    assert await found(store, "연차휴가") == []


@pytest.mark.parametrize("version", ['a"b', "a\\", 'a\\"b', '"] or version_id in ["v1', "a\nb", "한글 {x} %", "a'b"])
async def test_no_value_escapes_from_a_filter(store: VectorStore, version: str) -> None:
    await add(store, "v1", "연차휴가")
    await add(store, version, "연차휴가")
    assert await found(store, "연차휴가", version) == [f"{version}:0"]
    await store.remove(version)
    assert (await store.count(version), await store.count("v1")) == (0, 1)


def test_filters_quote_what_they_are_given() -> None:
    assert equals("a", 'x" or 1 == 1 or "') == 'a == "x\\" or 1 == 1 or \\""'
    assert one_of("a", ["x", "\\"]) == 'a in ["x", "\\\\"]'


async def test_writing_a_chunk_twice_leaves_one(store: VectorStore) -> None:
    await add(store, "v1", "연차휴가")
    await add(store, "v1", "연차휴가")
    assert await store.count("v1") == 1


async def test_what_was_removed_is_not_found(store: VectorStore) -> None:
    await add(store, "v1", "연차휴가", "출장비")
    await store.remove("v1")
    assert await store.count("v1") == 0
    assert await found(store, "연차휴가", "v1") == []


async def test_a_reopened_store_still_finds(tmp_path: Path) -> None:
    first = open_store(tmp_path)
    await add(first, "v1", "연차휴가")
    first.close()
    second = open_store(tmp_path)
    assert await found(second, "연차휴가", "v1") == ["v1:0"]
    second.close()


@pytest.mark.parametrize(("model", "dimension"), [("other", ENGINE.dimension), (ENGINE.embedding_model, 512)])
def test_vectors_of_another_model_are_refused(tmp_path: Path, model: str, dimension: int) -> None:
    open_store(tmp_path).close()
    with pytest.raises(ConfigError, match="process all documents again"):
        open_store(tmp_path, model, dimension)


async def test_an_outage_is_a_problem_and_not_an_empty_result(store: VectorStore) -> None:
    store._client.drop_collection(COLLECTION)
    with pytest.raises(Problem) as raised:
        await found(store, "연차휴가", "v1")
    assert (raised.value.status, raised.value.code) == (503, "vectors.unavailable")
    assert not await store.ready()


async def test_a_query_without_words_is_no_error(store: VectorStore) -> None:
    await add(store, "v1", "연차휴가")
    assert await found(store, "?!…", "v1") == ["v1:0"]

"""The engine without a model."""

import numpy as np

from llm_host.engines.builtin import BuiltinEngine
from llm_host.engines.engine import Source, Task, Usage

ENGINE = BuiltinEngine()


async def answered(question: str, *texts: str) -> tuple[list[str], Usage]:
    task = Task(question, [Source(at, "규정", text) for at, text in enumerate(texts, start=1)], [])
    pieces = [piece async for piece in ENGINE.answer(task)]
    assert isinstance(pieces[-1], Usage)
    return [piece for piece in pieces if isinstance(piece, str)], pieces[-1]


async def test_vectors_have_length_one_and_are_the_same_every_time() -> None:
    texts = ["연차휴가는 15일이다.", "법인카드", "?"]
    vectors = await ENGINE.embed(texts)
    assert vectors.shape == (3, ENGINE.dimension)
    assert vectors.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1.0, rtol=1e-5)
    np.testing.assert_array_equal(vectors, await ENGINE.embed(texts))
    assert round(float(vectors[0][:100].sum()), 4) == round(float((await ENGINE.embed(texts[:1]))[0][:100].sum()), 4)


async def test_a_text_is_nearest_to_what_it_shares_words_with() -> None:
    passages = await ENGINE.embed(["연차휴가는 사흘 전에 신청한다.", "법인카드의 월 한도", "비밀번호는 열두 자"])
    query = await ENGINE.embed_query("연차휴가를 언제 신청하나요?")
    assert int(np.argmax(passages @ query)) == 0


async def test_an_answer_is_made_of_sentences_of_the_sources_with_their_numbers() -> None:
    pieces, usage = await answered(
        "연차휴가는 언제 신청하나요?",
        "제1조(목적)\n이 규정은 목적을 정한다.",
        "제2조(신청)\n연차휴가는 3일 전에 신청한다. 점심은 열두 시다.",
    )
    text = "".join(pieces)
    assert len(pieces) > 1
    assert "- 연차휴가는 3일 전에 신청한다. [2]" in text
    assert "제2조(신청) [2]" not in text
    assert usage.tokens_in > usage.tokens_out > 0


async def test_an_answer_is_never_longer_than_four_sentences() -> None:
    pieces, _ = await answered("연차휴가 신청", "\n".join(f"연차휴가 신청 절차 {at}번입니다." for at in range(10)))
    assert "".join(pieces).count("[1]") == 4


async def test_without_a_fitting_sentence_it_says_so() -> None:
    pieces, _ = await answered("연차휴가는 며칠인가요?", "점심은 열두 시에 먹는다.")
    assert "찾지 못했습니다" in "".join(pieces)

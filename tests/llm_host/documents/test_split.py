"""Chunks hold one topic each, keep every word, keep the limits, and know where they stand."""

import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from hypothesis import given
from hypothesis import strategies as st

from llm_host.documents.blocks import Block, Chunk
from llm_host.documents.clean import clean
from llm_host.documents.extract.document import extract
from llm_host.documents.split import HARD_LIMIT, SHORTEST, TARGET, split
from tests.llm_host.documents import hostile

SENTENCE = "회사는 임직원에게 휴가를 주며 그 기간과 방법은 따로 정한다. "


def _places(chunks: Sequence[Chunk]) -> list[tuple[str | None, str | None, int | None]]:
    return [(chunk.heading, chunk.clause, chunk.page) for chunk in chunks]


def test_a_chunk_knows_its_headings_and_they_end_with_their_level() -> None:
    blocks = [
        Block("heading", "규정", level=1),
        Block("heading", "제1장 총칙", level=2),
        Block("heading", "제1절 목적", level=3),
        Block("text", "첫 글."),
        Block("heading", "제2장 휴가", level=2),
        Block("text", "둘째 글."),
    ]
    assert [chunk.heading for chunk in split(blocks)] == ["규정 > 제1장 총칙 > 제1절 목적", "규정 > 제2장 휴가"]


def test_an_article_is_carried_to_its_continuation_and_ends_with_the_next() -> None:
    blocks = [
        Block("text", "제12조(연차휴가) 다음과 같다.", 3),
        *[Block("text", f"{at}. {SENTENCE * 4}", 3) for at in range(1, 6)],
        Block("text", "제12조의2(특별휴가) 따로 정한다.", 4),
        Block("heading", "부칙", 4, 3),
        Block("text", "시행일을 정한다.", 5),
    ]
    chunks = split(blocks)
    assert {chunk.clause for chunk in chunks[:-2]} == {"제12조(연차휴가)"}
    assert len(chunks[:-2]) >= 2
    assert _places(chunks[-2:]) == [(None, "제12조의2(특별휴가)", 4), ("부칙", None, 5)]


def test_an_article_set_as_a_heading_names_the_clause_and_not_the_path() -> None:
    blocks = [
        Block("heading", "제2장 휴가", level=1),
        Block("heading", "제5조(병가)", level=2),
        Block("heading", "1. 신청", level=3),
        Block("text", "사흘 안에 낸다."),
        Block("heading", "제3장 보칙", level=1),
        Block("text", "끝."),
    ]
    assert _places(split(blocks)) == [
        ("제2장 휴가", "제5조(병가)", None),
        ("제2장 휴가 > 1. 신청", "제5조(병가)", None),
        ("제3장 보칙", None, None),
    ]


def test_short_articles_are_never_packed_together() -> None:
    blocks = [Block("text", f"제{at}조(가) 삭제") for at in range(1, 4)]
    assert [chunk.text for chunk in split(blocks)] == ["제1조(가) 삭제", "제2조(가) 삭제", "제3조(가) 삭제"]


def test_short_paragraphs_of_one_section_are_packed() -> None:
    chunks = split([Block("text", f"{at}번째 짧은 글.") for at in range(20)])
    assert len(chunks) == 1
    assert chunks[0].text.splitlines()[7] == "7번째 짧은 글."


def test_a_chunk_stands_on_one_page_save_for_a_fragment() -> None:
    first, second = Block("text", SENTENCE * 3, 1), Block("text", SENTENCE * 3, 2)
    assert [chunk.page for chunk in split([first, second])] == [1, 2]
    assert [chunk.page for chunk in split([Block("text", "짧은 제목", 1), second])] == [1]


def test_a_long_paragraph_is_cut_between_sentences() -> None:
    chunks = split([Block("text", SENTENCE * 60)])
    assert len(chunks) > 3
    assert all(chunk.text.endswith("정한다.") and len(chunk.text) <= TARGET for chunk in chunks)


def test_rows_of_a_long_table_carry_its_header() -> None:
    rows = [f"{at}번 과정 | 전 임직원 | {SENTENCE}" for at in range(40)]
    chunks = split([Block("table", "\n".join(["과정 | 대상 | 내용", *rows]), 7)])
    assert len(chunks) > 2
    assert all(chunk.text.startswith("과정 | 대상 | 내용\n") and chunk.page == 7 for chunk in chunks)
    kept = [row.strip() for chunk in chunks for row in chunk.text.split("\n")[1:]]
    assert kept == [row.strip() for row in rows]


def test_a_row_longer_than_a_chunk_is_cut_and_keeps_the_header() -> None:
    chunks = split([Block("table", f"항목 | 설명\n휴가 | {SENTENCE * 40}")])
    assert all(chunk.text.startswith("항목 | 설명\n") and len(chunk.text) <= HARD_LIMIT for chunk in chunks)


def test_a_heading_with_nothing_under_it_is_found_by_itself() -> None:
    blocks = [Block("heading", "질문 있으신가요", 9, 1), Block("heading", "감사합니다", 10, 1)]
    assert [(chunk.text, chunk.page) for chunk in split(blocks)] == [("질문 있으신가요", 9), ("감사합니다", 10)]


def test_a_very_long_heading_is_text_and_a_deep_path_keeps_its_inner_end() -> None:
    long = Block("heading", "가" * 150, level=1)
    assert split([long])[0].text == long.text
    deep = [Block("heading", f"{level}" + "나" * 90, level=level) for level in range(1, 6)]
    heading = split([*deep, Block("text", "글.")])[0].heading
    assert heading is not None
    assert heading.endswith(deep[-1].text)
    assert len(heading) <= 300


_words = st.text(alphabet=st.sampled_from("가나다라마휴abc. ①\n"), min_size=1, max_size=400).filter(str.strip)
_texts = st.builds(lambda text, page: Block("text", text, page), _words, st.integers(1, 3))
_articles = st.builds(lambda number: Block("text", f"제{number}조(제목) 내용이다."), st.integers(1, 30))
_headings = st.builds(lambda text, level: Block("heading", text[:40], level=level), _words, st.integers(1, 4))
_tables = st.builds(
    lambda rows: Block("table", "\n".join(f"{row} | 칸" for row in rows)),
    st.lists(st.from_regex(r"[가-나]{1,300}", fullmatch=True), min_size=1, max_size=8),
)
_long = st.builds(lambda text, times: Block("text", text * times), _words, st.integers(1, 20))
_documents = st.lists(st.one_of(_texts, _long, _articles, _headings, _tables), max_size=12)


def _bare(text: str) -> str:
    return re.sub(r"\s", "", text)


@given(_documents)
def test_no_word_is_lost_and_the_order_is_kept(blocks: list[Block]) -> None:
    texts = [block for block in blocks if block.kind == "text"]
    assert _bare("".join(chunk.text for chunk in split(texts))) == _bare("".join(block.text for block in texts))


@given(_documents)
def test_every_row_and_heading_is_kept(blocks: list[Block]) -> None:
    chunks = split(blocks)
    text = _bare("".join(f"{chunk.heading or ''}{chunk.text}" for chunk in chunks))
    for block in blocks:
        pieces = block.text.split("\n") if block.kind == "table" else [block.text]
        assert all(_bare(piece) in text or len(piece) > HARD_LIMIT / 4 for piece in pieces)


@given(_documents)
def test_limits_are_kept_and_positions_count_up(blocks: list[Block]) -> None:
    chunks = split(blocks)
    assert [chunk.position for chunk in chunks] == list(range(len(chunks)))
    assert all(0 < len(chunk.text) <= HARD_LIMIT for chunk in chunks)


@given(_documents)
def test_a_fragment_stands_only_alone(blocks: list[Block]) -> None:
    one_section = [block for block in blocks if block.kind == "text" and not block.text.lstrip().startswith("제")]
    chunks = split(one_section)
    assert len(chunks) <= 1 or all(len(chunk.text) >= SHORTEST for chunk in chunks)


@given(_documents)
def test_splitting_is_deterministic(blocks: list[Block]) -> None:
    assert split(blocks) == split(list(blocks))


def test_from_a_real_pdf_to_cited_chunks(tmp_path: Path) -> None:
    article = [f"{at}. {SENTENCE}" for at in range(1, 9)]
    pages = [
        [(20, "취업규칙"), (14, "제1장 총칙"), "제1조(목적) 이 규칙은 근로조건을 정함을 목적으로 한다."],
        [(14, "제2장 휴가"), "제2조(연차휴가) 다음 각 호와 같다.", *article],
        [*article, "제3조(병가) 병가는 서른 날까지로 한다."],
    ]
    chunks = split(clean(extract(hostile.pdf(tmp_path / "a.pdf", pages), "a.pdf", "").blocks))
    assert list(dict.fromkeys(_places(chunks))) == [
        ("취업규칙 > 제1장 총칙", "제1조(목적)", 1),
        ("취업규칙 > 제2장 휴가", "제2조(연차휴가)", 2),
        ("취업규칙 > 제2장 휴가", "제2조(연차휴가)", 3),
        ("취업규칙 > 제2장 휴가", "제3조(병가)", 3),
    ]
    assert all(earlier.position + 1 == later.position for earlier, later in pairwise(chunks))

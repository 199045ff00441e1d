"""Cleaning leaves what an author meant: no running heads, no broken lines, articles and chapters apart."""

from collections.abc import Sequence
from pathlib import Path

import pytest

from llm_host.documents.blocks import Block
from llm_host.documents.clauses import clause_of, part_level
from llm_host.documents.clean import clean
from llm_host.documents.extract.document import extract
from llm_host.documents.split import split
from tests.llm_host.documents import hostile

FULL = "회사는 소속 임직원이 일 년 동안 팔할 이상 출근한 때에는 다음 해에 열다섯 날의"  # as wide as lines get here


def _lines(*pages: Sequence[str]) -> list[Block]:
    return [Block("line", text, number) for number, page in enumerate(pages, start=1) for text in page]


def _texts(blocks: Sequence[Block]) -> list[str]:
    return [block.text for block in blocks]


def test_heads_and_feet_that_most_pages_share_go() -> None:
    pages = [
        ["배움전자 취업규칙", f"{name} 문장이다.", f"{name} 끝 문장이다.", f"사규집 {at} / 12"]
        for at, name in enumerate("가나다라마", start=5)
    ]
    cleaned = _texts(clean(_lines(*pages, ["마지막 쪽에는 머리글이 없다."])))
    assert len(cleaned) == 11
    assert not any("취업규칙" in text or "사규집" in text for text in cleaned)


def test_a_unit_on_every_page_is_no_running_head() -> None:
    pages = [
        [f"제{at}과 학습 목표.", f"{at}. 개요.", f"{kind} 문장이다."] for at, kind in enumerate("가나다라", start=1)
    ]
    assert len(clean(_lines(*pages))) == 12


def test_a_line_repeated_inside_pages_is_content() -> None:
    pages = [[f"{at} 첫 문장이다.", "해당 없음.", f"{at} 끝 문장이다."] for at in "일이삼사"]
    assert _texts(clean(_lines(*pages))).count("해당 없음.") == 4


def test_a_page_number_goes_even_from_a_short_document_and_another_number_stays() -> None:
    assert _texts(clean(_lines(["첫 문장이다.", "15", "1"]))) == ["첫 문장이다.", "15"]


def test_a_running_head_in_large_type_goes_too() -> None:
    pages = [[Block("heading", "사규집", at, 1), Block("line", f"{at}번 글.", at)] for at in (1, 2, 3)]
    assert _texts(clean([block for page in pages for block in page])) == ["1번 글.", "2번 글.", "3번 글."]


def test_a_sentence_broken_for_want_of_room_is_joined() -> None:
    assert _texts(clean(_lines([FULL, "연차휴가를 준다."]))) == [f"{FULL} 연차휴가를 준다."]


def test_a_word_broken_inside_is_joined_without_a_blank() -> None:
    page = [f"{FULL} 연차", "휴가를 준다.", "이때 연차휴가를 쓴다."]
    assert _texts(clean(_lines(page)))[0] == f"{FULL} 연차휴가를 준다."


def test_a_particle_never_stands_alone() -> None:
    assert _texts(clean(_lines([f"{FULL} 휴가", "를 준다."]))) == [f"{FULL} 휴가를 준다."]


def test_a_hyphenated_english_word_is_made_whole() -> None:
    line = "Employees who have worked for the whole year are given the infor-"
    assert _texts(clean(_lines([line, "mation below."])))[0].endswith("the information below.")


@pytest.mark.parametrize(
    "following", ["1. 첫째 호", "① 첫째 항", "- 점", "가. 가목", "제3조(적용) 이 규정은", "제2장 휴가", "[별표 1] 표"]
)
def test_an_item_an_article_and_a_chapter_begin_anew(following: str) -> None:
    assert _texts(clean(_lines([FULL, following])))[:2] == [FULL, following]


def test_a_short_line_ends_its_paragraph() -> None:
    assert _texts(clean(_lines([FULL + ".", "담당 부서 인사팀", "문의 내선 2110", FULL]))) == [
        FULL + ".",
        "담당 부서 인사팀",
        "문의 내선 2110",
        FULL,
    ]


def test_a_sentence_over_a_page_turn_belongs_to_the_page_where_it_begins() -> None:
    blocks = clean(_lines([FULL], ["휴가를 준다. 다음 문장은 둘째 쪽의 것이다."]))
    assert [(block.text, block.page) for block in blocks] == [
        (f"{FULL} 휴가를 준다.", 1),
        ("다음 문장은 둘째 쪽의 것이다.", 2),
    ]


def test_rows_with_as_many_cells_are_a_table_and_a_page_turn_parts_it() -> None:
    blocks = clean(_lines(["표는 이렇다.", "구분 | 일수", "결혼 | 5일"], ["사망 | 3일", "회갑 | 1일", "세 | 칸 | 줄"]))
    assert [(block.kind, block.text, block.page) for block in blocks] == [
        ("text", "표는 이렇다.", 1),
        ("table", "구분 | 일수\n결혼 | 5일", 1),
        ("table", "사망 | 3일\n회갑 | 1일", 2),
        ("text", "세 칸 줄", 2),
    ]


def test_articles_and_chapters_inside_a_paragraph_are_set_apart() -> None:
    text = "제1장 총칙\n제1조(목적) 목적이다.\n① 첫째.\n제2조(적용)\n모두에게 제1조를 적용한다.\n부칙 <2026. 1. 1.>\n시행한다."
    assert [(block.kind, block.text) for block in clean([Block("text", text)])] == [
        ("heading", "제1장 총칙"),
        ("text", "제1조(목적) 목적이다.\n① 첫째."),
        ("text", "제2조(적용)\n모두에게 제1조를 적용한다."),
        ("heading", "부칙 <2026. 1. 1.>"),
        ("text", "시행한다."),
    ]


def test_a_table_of_contents_is_left_out() -> None:
    contents = ["제1조(목적) ............ 1", "제2장 휴가 ················ 12", "부칙 … … … … 20"]
    assert _texts(clean([*_lines([*contents, "본문이다."])])) == ["본문이다."]


@pytest.mark.parametrize(
    ("text", "clause"),
    [
        ("제12조(연차휴가) 회사는", "제12조(연차휴가)"),
        ("제12조의2(특별휴가)", "제12조의2(특별휴가)"),
        ("제 3 조 【용어의  뜻】", "제3조(용어의 뜻)"),
        ("제5조（휴직(병가)）① 회사는", "제5조(휴직(병가))"),
        ("제7조", "제7조"),
        ("제8조 회사는 휴가를 준다.", "제8조"),
        ("제1조(목적)\n에너지를 아낀다.", "제1조(목적)"),
        ("제9조 삭제", "제9조"),
    ],
)
def test_an_article_is_recognised(text: str, clause: str) -> None:
    assert clause_of(text) == clause


@pytest.mark.parametrize(
    "text",
    [
        "제12조에 따라 휴가를 준다.",
        "제12조(연차휴가)에 따라 휴가를 준다.",
        "제12조 및 제13조의 휴가",
        "제12조제1항의 휴가",
        "제12조 제1항의 휴가",
        "제5조의 규정",
        "제5조부터 제7조까지",
        "이 규정 제5조(출장)",
        "제조 공정",
    ],
)
def test_a_mention_of_an_article_is_none(text: str) -> None:
    assert clause_of(text) is None


def test_parts_of_rules_are_headings_and_sentences_about_them_are_not() -> None:
    assert [part_level(line) for line in ("제1편 총칙", "제2장 휴가", "제3절", "제1관 통칙")] == [2, 3, 4, 5]
    assert part_level("부 칙") == part_level("[별표 2] 징계 기준") == part_level("제2장의2 특례")
    assert not any(
        map(part_level, ["제2장에서 정한 바", "제2장 휴가를 준용한다.", "부칙 제2조", "별표 1과 같다", "본문"])
    )


@pytest.mark.timeout(60)
@pytest.mark.parametrize("unit", [".", "1 ", "가", "- ", "제1조 ", ".'", "a\n", "가나 다라\n"])
def test_a_long_run_of_anything_costs_seconds_and_not_hours(unit: str) -> None:
    text = unit * (200_000 // len(unit))
    lines = [Block("line", line, 1) for line in text.split("\n") if line]
    for blocks in (lines, [Block("text", text)], [Block("table", text)]):
        assert split(clean(blocks))


def test_a_real_pdf_is_clean_from_head_to_foot(tmp_path: Path) -> None:
    def frame(canvas: hostile.Canvas) -> None:
        canvas.setFont(hostile.FONT, 8)
        canvas.drawString(60, 820, "배움전자 사규집 | 대외비")
        canvas.drawString(290, 20, f"- {canvas.getPageNumber()} -")

    parts = list(enumerate(("총칙", "휴가", "병가", "보칙"), start=1))
    pages = [[(14, f"제{at}장 {name}"), f"제{at}조({name}) {FULL}", f"{name}를 준다."] for at, name in parts]
    cleaned = clean(extract(hostile.pdf(tmp_path / "a.pdf", pages, frame), "a.pdf", "").blocks)
    assert [(block.kind, block.text, block.page) for block in cleaned] == [
        entry
        for at, name in parts
        for entry in (
            ("heading", f"제{at}장 {name}", at),
            ("text", f"제{at}조({name}) {FULL} {name}를 준다.", at),
        )
    ]

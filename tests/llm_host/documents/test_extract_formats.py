"""What each format promises: text in order, with its page, heading and table rows."""

import datetime
from pathlib import Path

import pytest

from llm_host.documents.blocks import Block
from llm_host.documents.extract import ocr
from llm_host.documents.extract.document import extract
from tests.llm_host.documents import hostile


def _kinds(blocks: tuple[Block, ...]) -> list[tuple[str, str]]:
    return [(block.kind, block.text) for block in blocks]


def _all_text(blocks: tuple[Block, ...]) -> str:
    return "\n".join(block.text for block in blocks)


def test_a_pdf_line_knows_its_page_and_larger_type_is_a_heading(tmp_path: Path) -> None:
    body = [f"본문 {at}번째 줄은 열 포인트로 적혀 있습니다." for at in range(8)]
    path = hostile.pdf(tmp_path / "a.pdf", [[(20, "취업규칙"), *body], [(14, "제2장 휴가"), *body]])
    extracted = extract(path, "a.pdf", "application/pdf")
    headings = [(block.text, block.page, block.level) for block in extracted.blocks if block.kind == "heading"]
    assert headings == [("취업규칙", 1, 1), ("제2장 휴가", 2, 2)]
    assert extracted.pages == 2
    assert [block.page for block in extracted.blocks if block.text == body[3]] == [1, 2]


def test_a_pdf_title_over_two_lines_is_one_heading(tmp_path: Path) -> None:
    body = ["본문은 작은 글씨로 길게 이어집니다. 그래서 본문입니다."] * 8
    path = hostile.pdf(tmp_path / "a.pdf", [[(16, "정보보호와 개인정보"), (16, "보호 교육 교재"), *body]])
    assert extract(path, "a.pdf", "").blocks[0] == Block("heading", "정보보호와 개인정보 보호 교육 교재", 1, 1)


def test_columns_of_a_pdf_are_told_apart_by_their_gap(tmp_path: Path) -> None:
    def draw(canvas: hostile.Canvas) -> None:
        canvas.setFont(hostile.FONT, 10)
        for x, text in ((60, "근속"), (200, "일수"), (340, "비고")):
            canvas.drawString(x, 500, text)

    path = hostile.pdf(tmp_path / "a.pdf", [["표는 다음과 같다."]], draw)
    assert ("line", "근속 | 일수 | 비고") in _kinds(extract(path, "a.pdf", "").blocks)


def test_cells_of_a_ruled_pdf_table_are_whole_and_merged_ones_are_repeated(tmp_path: Path) -> None:
    path = hostile.pdf(tmp_path / "a.pdf", [["표는 다음과 같다."]], lambda canvas: hostile.ruled_table(canvas, 60, 500))
    assert [line for _, line in _kinds(extract(path, "a.pdf", "").blocks)] == [
        "표는 다음과 같다.",
        "구분 | 대상이 되는 사람 | 휴가 일수",
        "결혼 | 본인 | 5일",
        "결혼 | 자녀 | 2일",
        "사망 | 별도로 정함 | 별도로 정함",
    ]


def test_a_frame_around_the_page_is_no_table(tmp_path: Path) -> None:
    def frame(canvas: hostile.Canvas) -> None:
        canvas.rect(20, 20, 555, 802)
        canvas.line(20, 60, 575, 60)
        canvas.line(300, 20, 300, 60)

    path = hostile.pdf(tmp_path / "a.pdf", [["첫 문장이다.", "둘째 문장이다."]], frame)
    assert [line for _, line in _kinds(extract(path, "a.pdf", "").blocks)] == ["첫 문장이다.", "둘째 문장이다."]


def test_word_keeps_paragraphs_headings_and_tables_in_order(tmp_path: Path) -> None:
    def build(document: hostile.docx.document.Document) -> None:
        document.add_heading("보안규정", 0)
        document.add_heading("제1장 총칙", 1)
        document.add_paragraph("다음 표에 따른다.")
        table = document.add_table(2, 2)
        for cell, text in zip(table._cells, ("등급", "보관", "극비", "금고\n안"), strict=True):
            cell.text = text
        document.add_paragraph("끝으로 적는다.")

    blocks = extract(hostile.word(tmp_path / "a.docx", build), "a.docx", "").blocks
    assert _kinds(blocks) == [
        ("heading", "보안규정"),
        ("heading", "제1장 총칙"),
        ("text", "다음 표에 따른다."),
        ("table", "등급 | 보관\n극비 | 금고 안"),
        ("text", "끝으로 적는다."),
    ]


def test_a_merged_word_cell_is_repeated_down_and_not_across(tmp_path: Path) -> None:
    def build(document: hostile.docx.document.Document) -> None:
        table = document.add_table(3, 2)
        for cell, text in zip(table._cells, ("직급", "한도", "팀장", "10만 원", "", "20만 원"), strict=True):
            cell.text = text
        table.cell(1, 0).merge(table.cell(2, 0))

    blocks = extract(hostile.word(tmp_path / "a.docx", build), "a.docx", "").blocks
    assert blocks[0].text == "직급 | 한도\n팀장 | 10만 원\n팀장 | 20만 원"


def test_numbers_that_word_makes_up_are_part_of_the_text(tmp_path: Path) -> None:
    def build(document: hostile.docx.document.Document) -> None:
        hostile.auto_number(document, "(목적) 이 규정은 목적을 정한다.", "decimal", "제%1조")
        hostile.auto_number(document, "회사는 휴가를 준다.", "decimalEnclosedCircle", "%1")
        hostile.auto_number(document, "(적용) 모두에게 적용한다.", "decimal", "제%1조")

    blocks = extract(hostile.word(tmp_path / "a.docx", build), "a.docx", "").blocks
    assert [block.text for block in blocks] == [
        "제1조 (목적) 이 규정은 목적을 정한다.",
        "① 회사는 휴가를 준다.",
        "제2조 (적용) 모두에게 적용한다.",
    ]


def test_a_slide_is_a_page_with_its_table_and_notes(tmp_path: Path) -> None:
    def build(deck: hostile.pptx.presentation.Presentation) -> None:
        hostile.add_slide(deck, "교육 목표", "첫째 목표는 이해입니다.")
        slide = hostile.add_slide(deck, "신고 절차", "표를 보세요.", notes="강사는 천천히 말한다.")
        table = slide.shapes.add_table(2, 2, 0, 0, 100, 100).table
        for cell, text in zip(table.iter_cells(), ("단계", "기한", "접수", "당일"), strict=True):
            cell.text = text

    extracted = extract(hostile.slides(tmp_path / "a.pptx", build), "a.pptx", "")
    assert extracted.pages == 2
    assert [(block.kind, block.text, block.page) for block in extracted.blocks] == [
        ("heading", "교육 목표", 1),
        ("text", "첫째 목표는 이해입니다.", 1),
        ("heading", "신고 절차", 2),
        ("text", "표를 보세요.", 2),
        ("table", "단계 | 기한\n접수 | 당일", 2),
        ("text", "발표자 노트: 강사는 천천히 말한다.", 2),
    ]


def test_a_sheet_reads_as_a_person_sees_it(tmp_path: Path) -> None:
    def build(book: hostile.xlsxwriter.Workbook) -> None:
        sheet = book.add_worksheet("일정")
        sheet.write(0, 0, "2026년 교육 일정")
        sheet.write_row(1, 0, ["과정", "정원", "비율"])
        sheet.write_row(2, 0, ["보안", 120, 0.5])
        sheet.write_datetime(2, 3, datetime.date(2026, 3, 2), book.add_format({"num_format": "yyyy-mm-dd"}))
        sheet.write_row(4, 0, ["담당", "내선"])
        book.add_worksheet("빈 시트")

    extracted = extract(hostile.workbook(tmp_path / "a.xlsx", build), "a.xlsx", "")
    assert _kinds(extracted.blocks) == [
        ("heading", "일정"),
        ("text", "2026년 교육 일정"),
        ("table", "과정 | 정원 | 비율 | \n보안 | 120 | 0.5 | 2026-03-02"),
        ("table", "담당 | 내선"),
    ]


def test_a_hancom_file_gives_outline_headings_tables_and_text(tmp_path: Path) -> None:
    body = (
        hostile.hwpx_paragraph("제1장 총칙", style=1)
        + hostile.hwpx_paragraph("제1조(목적) 이 지침은 & 목적을 정한다.")
        + hostile.hwpx_table([["항목", "기간"], ["녹취", "6개월"]])
    )
    blocks = extract(hostile.hwpx(tmp_path / "a.hwpx", body), "a.hwpx", "").blocks
    assert _kinds(blocks) == [
        ("heading", "제1장 총칙"),
        ("text", "제1조(목적) 이 지침은 & 목적을 정한다."),
        ("table", "항목 | 기간\n녹취 | 6개월"),
    ]


def test_html_gives_headings_lists_and_tables_without_menus(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text(
        "<!doctype html><html><head><title>x</title><script>alert(1)</script></head><body><header>포털</header>"
        "<nav><a>메뉴</a></nav><h1>교육 <b>자료</b></h1><p>첫 줄<br>둘째 줄</p><ul><li>하나<li>둘</ul>"
        "<table><tr><th>구분<th>값</tr><tr><td rowspan=2>가<td>1</tr><tr><td>2</tr></table>"
        "<table><tr><td><h2>배치용 표</h2><p>안의 글</p></td></tr></table><footer>저작권</footer></body></html>",
        encoding="utf-8",
    )
    assert _kinds(extract(path, "a.html", "text/html").blocks) == [
        ("heading", "교육 자료"),
        ("text", "첫 줄\n둘째 줄"),
        ("text", "- 하나"),
        ("text", "- 둘"),
        ("table", "구분 | 값\n가 | 1\n가 | 2"),
        ("heading", "배치용 표"),
        ("text", "안의 글"),
    ]


def test_html_nested_ten_thousand_deep_is_read_or_refused_but_never_recurses(tmp_path: Path) -> None:
    path = tmp_path / "a.html"
    path.write_text("<html><body><p>겉의 글입니다.</p>" + "<div>" * 10_000 + "속의 글" + "</div>" * 10_000)
    assert extract(path, "a.html", "").blocks[0].text == "겉의 글입니다."


def test_markdown_headings_in_code_are_code(tmp_path: Path) -> None:
    path = tmp_path / "a.md"
    path.write_text(
        "---\ntitle: x\n---\n# 안내\n\n본문 **굵게** [링크](http://a.b)\n\n```sh\n# 주석\n```\n\n둘째\n---\n\n"
        "| 가 | 나 |\n|---|:-:|\n| 1 | 2 |\n",
        encoding="utf-8",
    )
    assert _kinds(extract(path, "a.md", "text/markdown").blocks) == [
        ("heading", "안내"),
        ("text", "본문 굵게 링크"),
        ("text", "# 주석"),
        ("heading", "둘째"),
        ("table", "가 | 나\n1 | 2"),
    ]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp949", "utf-16"])
def test_text_is_read_in_every_encoding_that_windows_saves(tmp_path: Path, encoding: str) -> None:
    path = tmp_path / "a.txt"
    path.write_bytes("휴가 규정\r\n\r\n연차는 15일이다.".encode(encoding))
    assert [block.text for block in extract(path, "a.txt", "text/plain").blocks] == ["휴가 규정", "연차는 15일이다."]


def test_aligned_lines_of_text_are_a_table(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text("기준은 다음과 같다.\n행위   처분\n폭언   견책\n", encoding="utf-8")
    assert _kinds(extract(path, "a.txt", "").blocks) == [
        ("text", "기준은 다음과 같다."),
        ("table", "행위 | 처분\n폭언 | 견책"),
    ]


def test_text_is_composed_and_free_of_invisible_and_private_characters(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(
        "\u1112\u1161\u11ab\u1100\u1173\u11af\u200b \ue123\ufeff문\xad서\xa0\xa0이다\u202e.", encoding="utf-8"
    )
    extracted = extract(path, "a.txt", "")
    assert extracted.blocks[0].text == "한글 문서 이다."
    assert extracted.warnings == ("invisible_characters",)


@pytest.mark.skipif(not ocr.available(), reason="tesseract with Korean is not installed on this machine")
def test_a_scan_is_read_by_ocr_where_it_is_installed(tmp_path: Path) -> None:
    path = hostile.scanned_pdf(tmp_path / "a.pdf", "Annual leave is fifteen days")
    extracted = extract(path, "a.pdf", "")
    assert "fifteen days" in _all_text(extracted.blocks)
    assert extracted.blocks[0].page == 1
    assert extracted.warnings == ("ocr",)

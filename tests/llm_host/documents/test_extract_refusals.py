"""Every bad file is refused with a stable code and a Korean reason that says what to do; nothing hidden gets in."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from llm_host.documents.blocks import DocumentError, Extracted
from llm_host.documents.extract import limits, ocr
from llm_host.documents.extract.document import extract
from tests.llm_host.documents import hostile


@pytest.fixture
def no_ocr(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ocr, "available", lambda: False)


def _refusal(path: Path, filename: str = "", content_type: str = "") -> DocumentError:
    with pytest.raises(DocumentError) as caught:
        extract(path, filename or path.name, content_type)
    assert any("가" <= char <= "힣" for char in caught.value.reason)
    assert caught.value.reason.endswith(("요.", "다."))
    return caught.value


def _written(path: Path, data: bytes) -> Path:
    path.write_bytes(data)
    return path


def _text_of(extracted: Extracted) -> str:
    return "\n".join(block.text for block in extracted.blocks)


@pytest.mark.parametrize(
    ("name", "data", "code"),
    [
        ("a.txt", b"", "document.empty"),
        ("a.txt", b" \r\n\t", "document.no_text"),
        ("a.html", b"<!doctype html><html><body></body></html>", "document.no_text"),
        ("a.txt", b"\xff\x80\x81 not text", "document.undecodable"),
        ("a.txt", b"MZ\x00\x01\x02\x03", "document.type_unknown"),
        ("a.exe", b"plain text", "document.type_unknown"),
        ("a.zip", hostile.zipped({"a": b"b"}), "document.type_unknown"),
        ("a.docx", hostile.zipped({"a": b"b"}), "document.type_unknown"),
        ("a.docx", hostile.zipped({"word/document.xml": b"<broken"}), "document.corrupt"),
        ("a.pptx", hostile.zipped({"ppt/presentation.xml": b"<broken"}), "document.corrupt"),
        ("a.xlsx", hostile.zipped({"xl/workbook.xml": b"<broken"}), "document.corrupt"),
        ("a.hwpx", hostile.zipped({"Contents/header.xml": b"<broken"}), "document.corrupt"),
        ("a.docx", b"PK\x03\x04 cut off", "document.corrupt"),
        ("a.pdf", b"%PDF-1.7 cut off", "document.corrupt"),
        ("a.docx", b"%PDF-1.7", "document.type_mismatch"),
        ("a.pdf", "그냥 글".encode(), "document.type_mismatch"),
        ("a.txt", b"<!DOCTYPE html><html><p>x</p>", "document.type_mismatch"),
    ],
)
def test_a_bad_file_is_refused_with_its_code(tmp_path: Path, name: str, data: bytes, code: str) -> None:
    assert _refusal(_written(tmp_path / name, data)).code == code


def test_the_content_type_must_fit_too(tmp_path: Path) -> None:
    path = _written(tmp_path / "a.txt", "규정입니다.".encode())
    assert _refusal(path, "a.txt", "application/pdf").code == "document.type_mismatch"
    assert extract(path, "a.md", "text/plain; charset=utf-8").blocks[0].text == "규정입니다."
    assert extract(path, "", "application/octet-stream").blocks[0].text == "규정입니다."


def test_encrypted_files_of_every_kind_are_recognised(tmp_path: Path) -> None:
    manifest = {"META-INF/manifest.xml": "<manifest><encryption-data/></manifest>"}
    encrypted = [
        hostile.encrypted_pdf(tmp_path / "a.pdf"),
        hostile.ole(tmp_path / "a.docx", "EncryptedPackage"),
        hostile.hwpx(tmp_path / "a.hwpx", hostile.hwpx_paragraph("글"), manifest),
    ]
    assert {_refusal(path).code for path in encrypted} == {"document.encrypted"}


def test_an_old_hancom_file_is_told_how_to_be_saved(tmp_path: Path) -> None:
    refusal = _refusal(hostile.ole(tmp_path / "a.hwp", "FileHeader"))
    assert refusal.code == "document.type_unknown"
    assert "HWPX" in refusal.reason


def test_a_scan_without_ocr_is_refused(tmp_path: Path, no_ocr: None) -> None:
    path = hostile.scanned_pdf(tmp_path / "a.pdf", "Nobody can select this", pages=2)
    assert _refusal(path).code == "document.scanned"


def test_a_scan_that_ocr_cannot_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tesseract"
    program.write_text('#!/bin/sh\n[ "$1" = --list-langs ] && echo kor eng && exit 0\nexit 1\n')
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    ocr.available.cache_clear()
    assert _refusal(hostile.scanned_pdf(tmp_path / "a.pdf", "Nobody can read this")).code == "document.scanned"
    ocr.available.cache_clear()


def test_one_scanned_page_among_text_is_a_warning(tmp_path: Path, no_ocr: None) -> None:
    picture = tmp_path / "picture.png"
    hostile.pypdfium2.PdfDocument.new().close()
    with hostile.pypdfium2.PdfDocument(hostile.pdf(tmp_path / "b.pdf", [["그림이 될 글"]])) as document:
        document[0].render().to_pil().save(picture)
    pages = [["글이 있는 쪽입니다. 스무 글자를 넘도록 적습니다."], []]
    path = hostile.pdf(tmp_path / "a.pdf", pages, lambda canvas: canvas.drawImage(str(picture), 300, 300, 99, 99))
    extracted = extract(path, "a.pdf", "")
    assert extracted.warnings == ("pages_without_text",)
    assert extracted.pages == 2


def test_zip_bombs_are_refused_before_they_are_unpacked(tmp_path: Path) -> None:
    assert _refusal(hostile.zip_bomb_docx(tmp_path / "a.docx")).code == "document.too_large"
    many = hostile.docx_of_many_parts(tmp_path / "b.docx", limits.MAX_MEMBERS)
    assert _refusal(many).code == "document.too_large"


def test_a_document_over_the_limits_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = hostile.pdf(tmp_path / "a.pdf", [["한 쪽의 글입니다."]] * 3)
    with monkeypatch.context() as patch:
        patch.setattr(limits, "MAX_PAGES", 2)
        assert _refusal(path).code == "document.too_large"
    with monkeypatch.context() as patch:
        patch.setattr(limits, "MAX_CHARACTERS", 20)
        assert _refusal(path).code == "document.too_large"
        assert _refusal(_written(tmp_path / "a.txt", "가".encode() * 30)).code == "document.too_large"
    monkeypatch.setattr(limits, "MAX_FILE_BYTES", 10)
    assert _refusal(path).code == "document.too_large"


def test_entities_are_never_expanded_nor_fetched(tmp_path: Path) -> None:
    bomb = hostile.hwpx_with_entities(tmp_path / "a.hwpx", hostile.BILLION_LAUGHS, "보이는 글 &e9;")
    assert _refusal(bomb).code == "document.corrupt"
    (tmp_path / "secret").write_text("서버의 비밀")
    declaration = f'<!ENTITY file SYSTEM "file://{tmp_path}/secret">'
    spy = hostile.hwpx_with_entities(tmp_path / "b.hwpx", declaration, "보이는 글 &file;")
    assert _text_of(extract(spy, "b.hwpx", "")) == "보이는 글"


@pytest.mark.parametrize(
    "hide",
    [
        lambda canvas: canvas.setFillColorRGB(1, 1, 1),
        lambda canvas: (canvas.rect(300, 300, 20, 20, fill=1), canvas.setFillColorRGB(1, 1, 1)),
        lambda canvas: canvas.setFillAlpha(0),
        lambda canvas: canvas.setFont(hostile.FONT, 1),
        lambda canvas: canvas.scale(0.1, 0.1),
        lambda canvas: canvas.translate(2000, 0),
        lambda canvas: canvas._code.append("3 Tr"),
    ],
    ids=["white", "white-beside-a-box", "transparent", "tiny", "scaled", "off-page", "invisible"],
)
def test_text_hidden_in_a_pdf_is_dropped_and_reported(tmp_path: Path, hide: Callable[[hostile.Canvas], None]) -> None:
    extracted = extract(hostile.hidden_text_pdf(tmp_path / "a.pdf", hide), "a.pdf", "")
    assert _text_of(extracted) == "연차휴가는 입사일을 기준으로 부여한다."
    assert extracted.warnings == ("hidden_text",)


def test_white_letters_on_a_dark_cell_are_plain_to_see(tmp_path: Path) -> None:
    def draw(canvas: hostile.Canvas) -> None:
        canvas.setFillColorRGB(0, 0, 0.5)
        canvas.rect(50, 390, 300, 30, fill=1)
        canvas.setFillColorRGB(1, 1, 1)
        canvas.setFont(hostile.FONT, 10)
        canvas.drawString(60, 400, "표의 머리글")

    extracted = extract(hostile.pdf(tmp_path / "a.pdf", [["본문입니다."]], draw), "a.pdf", "")
    assert "표의 머리글" in _text_of(extracted)
    assert extracted.warnings == ()


@pytest.mark.parametrize("how", ["vanish", "white", "tiny"])
def test_text_hidden_in_word_is_dropped_and_reported(tmp_path: Path, how: str) -> None:
    path = hostile.word(tmp_path / "a.docx", lambda document: hostile.hidden_run(document, how))
    extracted = extract(path, "a.docx", "")
    assert _text_of(extracted) == "보안 사고는 즉시 신고한다."
    assert extracted.warnings == ("hidden_text",)


@pytest.mark.parametrize(
    "element",
    [
        "<p hidden>{}</p>",
        '<p style="display: none">{}</p>',
        '<span style="font-size:0">{}</span>',
        '<div style="color:#fff">{}</div>',
        '<div style="position:absolute;left:-9999px">{}</div>',
        '<div class="note">{}</div>',
        '<p>&#8203;<span id="tip">{}</span></p>',
    ],
)
def test_text_hidden_in_html_is_dropped_and_reported(tmp_path: Path, element: str) -> None:
    style = "<style>@media print {.seen {display:none}} .note, #tip { visibility : hidden }</style>"
    path = tmp_path / "a.html"
    page = (
        f'<html><head>{style}</head><body><p class="seen">보이는 글</p>{element.format(hostile.SECRET)}</body></html>'
    )
    path.write_text(page, encoding="utf-8")
    extracted = extract(path, "a.html", "")
    assert _text_of(extracted) == "보이는 글"
    assert extracted.warnings == ("hidden_text",)


def test_text_hidden_in_other_formats_is_dropped_and_reported(tmp_path: Path) -> None:
    def deck(presentation: hostile.pptx.presentation.Presentation) -> None:
        slide = hostile.add_slide(presentation, "제목", "보이는 글")
        far = presentation.slide_width + 1
        slide.shapes.add_textbox(far, 0, 100, 100).text_frame.text = hostile.SECRET

    def book(workbook: hostile.xlsxwriter.Workbook) -> None:
        workbook.add_worksheet("일정").write(0, 0, "보이는 글")
        sheet = workbook.add_worksheet("숨김")
        sheet.write(0, 0, hostile.SECRET)
        sheet.hide()

    seen = hostile.hwpx_paragraph("보이는 글")
    markdown = tmp_path / "a.md"
    markdown.write_text(f"보이는 글\n\n<!-- {hostile.SECRET} -->\n", encoding="utf-8")
    for path in (
        hostile.slides(tmp_path / "a.pptx", deck),
        hostile.workbook(tmp_path / "a.xlsx", book),
        hostile.hwpx(tmp_path / "a.hwpx", seen + hostile.hwpx_paragraph(hostile.SECRET, letters=1)),
        hostile.hwpx(tmp_path / "b.hwpx", seen + hostile.hwpx_paragraph(hostile.SECRET, letters=2)),
        markdown,
    ):
        extracted = extract(path, path.name, "")
        assert hostile.SECRET not in _text_of(extracted)
        assert "보이는 글" in _text_of(extracted)
        assert extracted.warnings == ("hidden_text",), path.suffix

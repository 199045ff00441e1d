"""PDF to lines: pdfium gives characters, their place and their size; larger lines are headings."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pypdfium2
import pypdfium2.raw as pdfium

from llm_host.documents.blocks import Block, DocumentError, Extracted
from llm_host.documents.extract import limits, ocr
from llm_host.documents.extract.glyphs import Line, page_lines

SCAN_CHARACTERS = 20  # a scanned page may still carry a typed page number or stamp
HEADING_RATIO = 1.12  # 11 pt body and 12.5 pt heading are told apart, rounding noise is not
HEADING_CHARACTERS = 80

_CORRUPT = "PDF 파일이 손상되어 열 수 없습니다. 원본에서 PDF로 다시 내보내 올려 주세요."
_ENCRYPTED = "암호가 걸린 PDF입니다. 암호를 풀어 다시 저장한 뒤 올려 주세요."
_SCANNED = "글자 없이 그림으로만 된 스캔 PDF입니다. 글자를 선택할 수 있는 PDF나 원본 문서를 올려 주세요."
_TOO_LARGE = f"문서가 너무 깁니다({limits.MAX_PAGES:,}쪽, {limits.MAX_CHARACTERS:,}자까지). 나누어 올려 주세요."
_UNREADABLE = "글꼴 정보가 없어 글자를 읽을 수 없는 PDF입니다. 글꼴을 포함해 다시 내보내 올려 주세요."


@dataclass(slots=True)
class _Reading:
    """What has been read of one file so far."""

    pages: list[list[Line]]
    scanned: list[int]
    warnings: set[str]


def extract_pdf(path: Path) -> Extracted:
    """Lines and headings by page. Pages that are pictures go through OCR where tesseract is installed.

    Raises DocumentError `document.encrypted`, `.corrupt`, `.too_large`, `.undecodable` (fonts without
    Unicode) and `.scanned` (a document of pictures, and no OCR here or none that could read them).
    """
    try:
        document = pypdfium2.PdfDocument(path)
    except pypdfium2.PdfiumError as error:
        if error.err_code == pdfium.FPDF_ERR_PASSWORD:
            raise DocumentError("document.encrypted", _ENCRYPTED) from error
        raise DocumentError("document.corrupt", _CORRUPT) from error
    with document:
        reading = _read(document)
        if reading.scanned:
            _recognise(document, reading)
    blocks = tuple(_blocks(reading.pages))
    _refuse_unreadable(blocks)
    return Extracted(blocks, len(reading.pages), tuple(sorted(reading.warnings)))


def _read(document: pypdfium2.PdfDocument) -> _Reading:
    if len(document) > limits.MAX_PAGES:
        raise DocumentError("document.too_large", _TOO_LARGE)
    reading = _Reading([], [], set())
    characters = 0
    for index in range(len(document)):
        try:
            page = document[index]
        except pypdfium2.PdfiumError as error:
            raise DocumentError("document.corrupt", _CORRUPT) from error
        lines, hidden = page_lines(page)
        if hidden:
            reading.warnings.add("hidden_text")
        on_page = sum(len(line.text) for line in lines)
        characters += on_page
        if characters > limits.MAX_CHARACTERS:
            raise DocumentError("document.too_large", _TOO_LARGE)
        if on_page < SCAN_CHARACTERS and _has_image(page):
            reading.scanned.append(index)
        reading.pages.append(lines)
        page.close()
    return reading


def _has_image(page: pypdfium2.PdfPage) -> bool:
    return any(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE], max_depth=3))


def _recognise(document: pypdfium2.PdfDocument, reading: _Reading) -> None:
    if not ocr.available():
        if all(sum(len(line.text) for line in lines) < SCAN_CHARACTERS for lines in reading.pages):
            raise DocumentError("document.scanned", _SCANNED)
        reading.warnings.add("pages_without_text")
        return
    reading.warnings.add("ocr")
    if len(reading.scanned) > limits.MAX_OCR_PAGES:
        reading.warnings.add("pages_without_text")
    for index in reading.scanned[: limits.MAX_OCR_PAGES]:
        recognised = ocr.recognise(document[index])
        if not recognised:
            reading.warnings.add("pages_without_text")
        reading.pages[index] = [Line(text, size=0.0, top=0.0, cells=1) for text in recognised]
    if not any(reading.pages):
        raise DocumentError("document.scanned", _SCANNED)


def _blocks(pages: list[list[Line]]) -> Iterator[Block]:
    levels = _heading_levels(pages)
    for number, lines in enumerate(pages, start=1):
        for line in _joined_headings(lines, levels):
            if _is_heading(line, levels):
                yield Block("heading", line.text, number, levels[line.size])
            else:
                yield Block("line", line.text, number)


def _is_heading(line: Line, levels: dict[float, int]) -> bool:
    return line.size in levels and line.cells == 1 and len(line.text) <= HEADING_CHARACTERS and line.text[-1] != "."


def _joined_headings(lines: list[Line], levels: dict[float, int]) -> Iterator[Line]:
    """A title that runs over two lines is one heading: same size, and close below."""
    open_line: Line | None = None
    for line in lines:
        if open_line and _is_heading(open_line, levels) and _continues(open_line, line):
            open_line = Line(f"{open_line.text} {line.text}", line.size, line.top, cells=1)
            continue
        if open_line:
            yield open_line
        open_line = line
    if open_line:
        yield open_line


def _continues(above: Line, line: Line) -> bool:
    close = 0 < above.top - line.top < above.size * 1.7
    starts_anew = line.text[0].isdigit() or line.text[0] in "제[<(【■□○●◆"
    return close and line.size == above.size and line.cells == 1 and not starts_anew


def _heading_levels(pages: list[list[Line]]) -> dict[float, int]:
    """Sizes clearly above that of most characters, the largest as level 1."""
    weights: Counter[float] = Counter()
    for lines in pages:
        for line in lines:
            weights[line.size] += len(line.text) if line.size else 0
    body = max(weights, key=lambda size: weights[size], default=0.0)
    larger = sorted((size for size in weights if size >= body * HEADING_RATIO > 0), reverse=True)
    return {size: min(rank, 6) for rank, size in enumerate(larger, start=1)}


def _refuse_unreadable(blocks: tuple[Block, ...]) -> None:
    text = "".join(block.text for block in blocks)
    broken = sum(text.count(mark) for mark in ("\0", "\ufffd"))
    if broken > 0.3 * len(text):
        raise DocumentError("document.undecodable", _UNREADABLE)

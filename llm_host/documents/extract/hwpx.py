"""HWPX (KS X 6101): a zip of XML; paragraphs and tables of the sections in order."""

import re
import zipfile
from collections.abc import Iterator
from pathlib import Path

from lxml import etree

from llm_host.documents.blocks import Block, DocumentError, Extracted
from llm_host.documents.extract.archive import CORRUPT, parse_part

_SECTION = re.compile(r"Contents/section(\d+)\.xml")
_OUTLINE_STYLE = re.compile(r"(?:개요|Outline)\s*(\d+)", re.IGNORECASE)
_MAX_SPAN = 1000  # rows; a forged span must not become a loop without end
_TINY_HEIGHT = 200  # hundredths of a point
_BESIDE_THE_TEXT = frozenset(("header", "footer", "hiddenComment", "fieldBegin", "shapeComment", "secPr"))
_IN_TEXT = {"tab": " ", "lineBreak": "\n", "nbSpace": " ", "fwSpace": " ", "hyphen": "-"}
_ENCRYPTED = "암호가 걸린 한글 문서입니다. 암호를 풀어 다시 저장한 뒤 올려 주세요."


def extract_hwpx(path: Path) -> Extracted:
    """Blocks of a Hancom file; hidden comments, tiny and white text are dropped with the warning `hidden_text`.

    The format stores no pages, so blocks have none. Raises DocumentError `document.corrupt` and `document.encrypted`.
    """
    with zipfile.ZipFile(path) as archive:
        names = archive.namelist()
        if "META-INF/manifest.xml" in names and b"encryption-data" in archive.read("META-INF/manifest.xml"):
            raise DocumentError("document.encrypted", _ENCRYPTED)
        sections = sorted((int(match[1]), match[0]) for name in names if (match := _SECTION.fullmatch(name)))
        if not sections:
            raise DocumentError("document.corrupt", CORRUPT)
        reader = _Reader(parse_part(archive, "Contents/header.xml"))
        blocks = [block for _, name in sections for block in reader.blocks(parse_part(archive, name))]
    return Extracted(tuple(blocks), warnings=("hidden_text",) if reader.hidden else ())


class _Reader:
    def __init__(self, header: etree._Element) -> None:
        self.hidden = False
        self._levels = {
            style.get("id"): int(match[1])
            for style in header.iter("{*}style")
            if (match := _OUTLINE_STYLE.fullmatch(style.get("name", "") or style.get("engName", "")))
        }
        self._outlines = {
            shape.get("id"): int(heading.get("level", "0")) + 1
            for shape in header.iter("{*}paraPr")
            for heading in shape.iter("{*}heading")
            if heading.get("type") == "OUTLINE"
        }
        letters = list(header.iter("{*}charPr"))
        self._tiny = {shape.get("id") for shape in letters if int(shape.get("height", "1000")) < _TINY_HEIGHT}
        self._white = {shape.get("id") for shape in letters if _is_white(shape)}

    def blocks(self, parent: etree._Element) -> Iterator[Block]:
        """Paragraphs right under a section or a cell, each followed by the tables, boxes and notes set in it."""
        for paragraph in parent.iterchildren("{*}p"):
            objects: list[etree._Element] = []
            text = "".join(self._words(paragraph, objects)).strip()
            if text:
                level = self._level(paragraph)
                yield Block("heading", " ".join(text.split()), level=level) if level else Block("text", text)
            for item in objects:
                yield from self._table(item) if _name(item) == "tbl" else self.blocks(item)

    def _level(self, paragraph: etree._Element) -> int:
        level = self._levels.get(paragraph.get("styleIDRef")) or self._outlines.get(paragraph.get("paraPrIDRef")) or 0
        return min(level, 6)

    def _words(self, element: etree._Element, objects: list[etree._Element]) -> Iterator[str]:
        """Text under an element; tables and lists of paragraphs met on the way are put aside in `objects`."""
        for child in element.iterchildren("{*}*"):
            name = _name(child)
            if name in ("tbl", "subList"):
                objects.append(child)
            elif name in _BESIDE_THE_TEXT or (name == "run" and self._is_hidden(child)):
                self.hidden = self.hidden or (name in ("hiddenComment", "run") and _has_text(child))
            elif name == "t":
                yield _run_text(child)
            else:
                yield from self._words(child, objects)

    def _is_hidden(self, run: etree._Element) -> bool:
        letters = run.get("charPrIDRef")
        in_table = next(run.iterancestors("{*}tbl"), None) is not None  # white on a dark cell is plain to see
        has_objects = next(run.iter("{*}subList", "{*}tbl"), None) is not None
        return not has_objects and (letters in self._tiny or (letters in self._white and not in_table))

    def _table(self, table: etree._Element) -> Iterator[Block]:
        """A table of one cell is a box around text. A cell that spans rows is repeated in each."""
        lists = list(table.iterfind("{*}tr/{*}tc/{*}subList"))
        if len(lists) == 1:
            yield from self.blocks(lists[0])
            return
        rows: dict[int, dict[int, str]] = {}
        for cell in table.iterfind("{*}tr/{*}tc"):
            address, span = cell.find("{*}cellAddr"), cell.find("{*}cellSpan")
            if address is None:
                raise DocumentError("document.corrupt", CORRUPT)
            row, column = int(address.get("rowAddr", "0")), int(address.get("colAddr", "0"))
            text = self._cell(cell)
            for down in range(min(_MAX_SPAN, int(span.get("rowSpan", "1"))) if span is not None else 1):
                rows.setdefault(row + down, {})[column] = text
        lines = (" | ".join(text for _, text in sorted(rows[row].items())) for row in sorted(rows))
        yield Block("table", "\n".join(line for line in lines if line.strip(" |")))

    def _cell(self, cell: etree._Element) -> str:
        blocks = [block for part in cell.iterchildren("{*}subList") for block in self.blocks(part)]
        return " ".join(" ".join(block.text for block in blocks).replace("|", "/").split())


def _name(element: etree._Element) -> str:
    return etree.QName(element).localname


def _run_text(element: etree._Element) -> str:
    inner = (
        _IN_TEXT.get(_name(child), child.text or "") + (child.tail or "") for child in element.iterchildren("{*}*")
    )
    return (element.text or "") + "".join(inner)


def _has_text(element: etree._Element) -> bool:
    return any(_run_text(text).strip() for text in element.iter("{*}t"))


def _is_white(shape: etree._Element) -> bool:
    return shape.get("textColor", "").upper() == "#FFFFFF" and shape.get("shadeColor", "none").lower() in (
        "none",
        "#ffffff",
    )

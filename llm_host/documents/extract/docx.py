"""DOCX: paragraphs and tables in order, headings by outline level, what Word hides left out."""

import zipfile
from collections.abc import Iterator
from pathlib import Path

import docx
from docx.document import Document
from docx.opc.exceptions import PackageNotFoundError
from docx.oxml.ns import qn
from docx.oxml.table import CT_Tbl
from docx.oxml.text.paragraph import CT_P
from docx.styles.style import BaseStyle, ParagraphStyle
from docx.table import Table
from docx.text.paragraph import Paragraph
from lxml import etree

from llm_host.documents.blocks import Block, DocumentError, Extracted
from llm_host.documents.extract.archive import CORRUPT
from llm_host.documents.extract.numbering import Numbering

_TINY_HALF_POINTS = 3  # Word's sizes are in half points: under 2 pt
_FALLBACK = "{http://schemas.openxmlformats.org/markup-compatibility/2006}Fallback"
_NOT_READ = frozenset((_FALLBACK, *map(qn, ("w:del", "w:moveFrom", "w:instrText", "w:rPr", "w:pPr", "w:txbxContent"))))
_BREAKS = {qn("w:tab"): " ", qn("w:br"): "\n", qn("w:cr"): "\n", qn("w:noBreakHyphen"): "-"}


def extract_docx(path: Path) -> Extracted:
    """Blocks of a Word file; text hidden, white on white or tiny is dropped with the warning `hidden_text`.

    Word stores no pages, so blocks have none. Raises DocumentError `document.corrupt`.
    """
    try:
        document = docx.Document(str(path))
    except (PackageNotFoundError, KeyError, ValueError, etree.XMLSyntaxError, zipfile.BadZipFile) as error:
        raise DocumentError("document.corrupt", CORRUPT) from error
    reader = _Reader(document)
    blocks = tuple(reader.blocks(document.element.body))
    return Extracted(blocks, warnings=("hidden_text",) if reader.hidden else ())


class _Reader:
    def __init__(self, document: Document) -> None:
        self.hidden = False
        self._document = document
        self._numbering = Numbering(document)

    def blocks(self, parent: etree._Element) -> Iterator[Block]:
        """Blocks under a body, a cell or a content control."""
        for child in parent:
            if isinstance(child, CT_P):
                yield from self._paragraph(child)
            elif isinstance(child, CT_Tbl):
                yield from self._table(child)
            elif child.tag in (qn("w:sdt"), qn("w:sdtContent"), qn("w:ins"), qn("w:customXml")):
                yield from self.blocks(child)

    def _paragraph(self, element: CT_P) -> Iterator[Block]:
        style = Paragraph(element, self._document).style
        if style is not None and (style.name or "").lower().startswith("toc "):
            return  # a table of contents repeats the headings
        text = "".join(self._words(element)).strip()
        if text:
            text = self._numbering.next_label(_number_properties(element, style)) + text
            level = _outline_level(element, style)
            flat = " ".join(text.split())
            yield Block("heading", flat, level=level) if level else Block("text", text)
        for box in element.iter(qn("w:txbxContent")):
            if next(box.iterancestors(_FALLBACK), None) is None:
                yield from self.blocks(box)

    def _words(self, element: etree._Element) -> Iterator[str]:
        for child in element:
            if child.tag in _NOT_READ:
                continue
            if child.tag == qn("w:r") and _is_hidden(child):
                self.hidden = self.hidden or any((text.text or "").strip() for text in child.iter(qn("w:t")))
            elif child.tag == qn("w:t"):
                yield child.text or ""
            else:
                yield _BREAKS.get(child.tag, "")
                yield from self._words(child)

    def _table(self, element: CT_Tbl) -> Iterator[Block]:
        """A table of one cell is a box around text. Merged cells are repeated in each row they span."""
        cells = list(element.iterfind(f"{qn('w:tr')}/{qn('w:tc')}"))
        if len(cells) == 1:
            yield from self.blocks(cells[0])
            return
        rows = []
        for row in Table(element, self._document).rows:
            merged = dict.fromkeys(cell._tc for cell in row.cells)  # noqa: SLF001 (no public name)
            rows.append(" | ".join(self._cell(tc) for tc in merged))
        yield Block("table", "\n".join(row for row in rows if row.strip(" |")))

    def _cell(self, cell: etree._Element) -> str:
        text = " ".join(block.text for block in self.blocks(cell))
        return " ".join(text.replace("|", "/").split())


def _outline_level(element: CT_P, style: ParagraphStyle | None) -> int:
    """1 to 6 for headings by the paragraph's own outline level or its style's; a title is level 1; else 0."""
    at: BaseStyle | None = style
    properties = [element.pPr]
    while isinstance(at, ParagraphStyle):
        if at.name == "Title":
            return 1
        properties.append(at.element.pPr)
        at = at.base_style
    for found in properties:
        outline = None if found is None else found.find(qn("w:outlineLvl"))
        if outline is not None:
            level = int(outline.get(qn("w:val"), "9")) + 1
            return min(level, 6) if level <= 9 else 0
    return 0


def _number_properties(element: CT_P, style: ParagraphStyle | None) -> etree._Element | None:
    """The nearest `w:numPr`: of the paragraph, or of a style it is based on."""
    own: etree._Element | None = element.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
    at: BaseStyle | None = style
    while own is None and isinstance(at, ParagraphStyle):
        own = at.element.find(f"{qn('w:pPr')}/{qn('w:numPr')}")
        at = at.base_style
    return own


def _is_hidden(run: etree._Element) -> bool:
    """Vanished, under 2 pt, or white where no shading lies behind (a table's style may shade it)."""
    properties = run.find(qn("w:rPr"))
    if properties is None:
        return False
    vanish, size, color = (properties.find(qn(name)) for name in ("w:vanish", "w:sz", "w:color"))
    if vanish is not None and vanish.get(qn("w:val"), "1") not in ("0", "false"):
        return True
    if size is not None and float(size.get(qn("w:val"), "20")) <= _TINY_HALF_POINTS:
        return True
    white = color is not None and color.get(qn("w:val"), "").upper() == "FFFFFF"
    return white and not _is_shaded(run)


def _is_shaded(run: etree._Element) -> bool:
    if (
        next(run.iterancestors(qn("w:tbl")), None) is not None
        or next(run.iterancestors(qn("w:txbxContent")), None) is not None
    ):
        return True
    paragraph = next(run.iterancestors(qn("w:p")), run)
    fills = (shading.get(qn("w:fill"), "auto").upper() for shading in paragraph.iter(qn("w:shd")))
    return (
        any(fill not in ("AUTO", "FFFFFF") for fill in fills)
        or run.find(f"{qn('w:rPr')}/{qn('w:highlight')}") is not None
    )

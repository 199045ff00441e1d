"""PPTX: a slide is a page; its title is a heading, its notes follow its text."""

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import Path

import pptx
from lxml import etree
from pptx.exc import PackageNotFoundError
from pptx.presentation import Presentation
from pptx.shapes.base import BaseShape
from pptx.shapes.graphfrm import GraphicFrame
from pptx.shapes.group import GroupShape
from pptx.slide import Slide
from pptx.table import Table
from pptx.text.text import TextFrame, _Paragraph

from llm_host.documents.blocks import Block, DocumentError, Extracted
from llm_host.documents.extract import limits
from llm_host.documents.extract.archive import CORRUPT

_TINY_POINTS = 2.0
_TOO_LARGE = f"슬라이드가 너무 많습니다({limits.MAX_PAGES:,}장까지). 나누어 올려 주세요."


def extract_pptx(path: Path) -> Extracted:
    """Slides in order; shapes off the slide and type under 2 pt are dropped with the warning `hidden_text`.

    Raises DocumentError `document.corrupt` and `document.too_large`.
    """
    try:
        deck = pptx.Presentation(str(path))
        slides = list(deck.slides)
    except (PackageNotFoundError, KeyError, ValueError, etree.XMLSyntaxError, zipfile.BadZipFile) as error:
        raise DocumentError("document.corrupt", CORRUPT) from error
    if len(slides) > limits.MAX_PAGES:
        raise DocumentError("document.too_large", _TOO_LARGE)
    reader = _Reader(deck)
    blocks = tuple(block for number, slide in enumerate(slides, start=1) for block in reader.slide(slide, number))
    return Extracted(blocks, len(slides), ("hidden_text",) if reader.hidden else ())


class _Reader:
    def __init__(self, deck: Presentation) -> None:
        self.hidden = False
        self._width, self._height = deck.slide_width or 0, deck.slide_height or 0

    def slide(self, slide: Slide, number: int) -> Iterator[Block]:
        """The title always starts a section, so that no passage runs from one slide into the next."""
        title = slide.shapes.title
        heading = " ".join(title.text_frame.text.split()) if title is not None else ""
        yield Block("heading", heading or f"슬라이드 {number}", number, level=1)
        shapes = (shape for shape in slide.shapes if title is None or shape.shape_id != title.shape_id)
        for kind, text in self._shapes(shapes):
            yield Block("table" if kind == "table" else "text", text, number)
        notes = slide.notes_slide.notes_text_frame if slide.has_notes_slide else None
        if notes is not None and notes.text.strip():
            yield Block("text", f"발표자 노트: {notes.text.strip()}", number)

    def _shapes(self, shapes: Iterable[BaseShape]) -> Iterator[tuple[str, str]]:
        for shape in shapes:
            if isinstance(shape, GroupShape):
                yield from self._shapes(shape.shapes)
            elif isinstance(shape, GraphicFrame) and shape.has_table:
                yield "table", _table(shape.table)
            elif shape.has_text_frame:
                text = self._frame(shape.text_frame)  # type: ignore[attr-defined]
                if text and self._is_off_slide(shape):
                    self.hidden = True
                elif text:
                    yield "text", text

    def _frame(self, frame: TextFrame) -> str:
        lines = (self._line(paragraph) for paragraph in frame.paragraphs)
        return "\n".join(line for line in lines if line)

    def _line(self, paragraph: _Paragraph) -> str:
        shown = [run for run in paragraph.runs if run.font.size is None or run.font.size.pt >= _TINY_POINTS]
        if len(shown) == len(paragraph.runs):
            return paragraph.text.strip()
        self.hidden = True
        return "".join(run.text for run in shown).strip()

    def _is_off_slide(self, shape: BaseShape) -> bool:
        """Of shapes with a place of their own; in a group the coordinates are the group's."""
        if next(shape.element.iterancestors("{*}grpSp"), None) is not None or None in (shape.left, shape.top):
            return False
        beside = shape.left + shape.width <= 0 or shape.left >= self._width
        return bool(beside or shape.top + shape.height <= 0 or shape.top >= self._height)


def _table(table: Table) -> str:
    rows = (
        [" ".join(cell.text.replace("|", "/").split()) for cell in row.cells if not cell.is_spanned]
        for row in table.rows
    )
    return "\n".join(" | ".join(row) for row in rows if any(row))

"""Renders a sample as PPTX: a slide per chapter with bullets or a table, and the trainer's notes."""

import io
from itertools import pairwise

import pptx
from pptx.presentation import Presentation
from pptx.slide import Slide
from pptx.util import Cm, Pt

from tests.samples.frozen_zip import MADE_AT, freeze
from tests.samples.source import Block, Source

TITLE, TITLE_AND_CONTENT, TITLE_ONLY = 0, 1, 5


def to_pptx(source: Source) -> bytes:
    """A deck: the title slide from what stands before the first chapter, then a slide per chapter."""
    deck = pptx.Presentation()
    properties = deck.core_properties
    properties.title, properties.author = source.title, "배움전자 주식회사"
    properties.last_modified_by = properties.comments = ""
    properties.created = properties.modified = MADE_AT
    blocks = source.blocks
    starts = [at for at, block in enumerate(blocks) if block.kind == "heading"]
    for start, end in pairwise([*starts, len(blocks)]):
        add_slide(deck, blocks[start], blocks[start + 1 : end])
    out = io.BytesIO()
    deck.save(out)
    return freeze(out.getvalue())


def add_slide(deck: Presentation, heading: Block, blocks: list[Block]) -> None:
    """Appends the slide of one chapter."""
    table = next((block.rows for block in blocks if block.kind == "table"), None)
    lines = [block.text for block in blocks if block.kind in ("line", "item")]
    notes = [block.text for block in blocks if block.kind == "note"]
    layout = TITLE_ONLY if table else TITLE if heading.level == 1 else TITLE_AND_CONTENT
    slide = deck.slides.add_slide(deck.slide_layouts[layout])
    slide.shapes.title.text = heading.text
    if table:
        add_table(slide, table)
    else:
        slide.placeholders[1].text_frame.text = "\n".join(lines)
        for paragraph in slide.placeholders[1].text_frame.paragraphs:
            paragraph.font.size = Pt(20)
    if notes:
        slide.notes_slide.notes_text_frame.text = "\n".join(notes)


def add_table(slide: Slide, rows: list[list[str]]) -> None:
    """Places a table under the slide's title."""
    frame = slide.shapes.add_table(len(rows), len(rows[0]), Cm(1.2), Cm(4.6), Cm(23), Cm(1.4 * len(rows)))
    for cells, row in zip(frame.table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = text
            cell.text_frame.paragraphs[0].font.size = Pt(14)

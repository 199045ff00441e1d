"""Renders a sample as DOCX: heading styles, ruled tables, a header, and page numbers in the footer."""

import io

import docx
from docx.document import Document
from docx.oxml import OxmlElement
from docx.oxml.ns import qn
from docx.shared import Cm, Pt

from tests.samples.frozen_zip import MADE_AT, freeze
from tests.samples.source import Block, Source

FONT = "맑은 고딕"


def to_docx(source: Source) -> bytes:
    """A DOCX whose title, chapters and clauses carry the styles Title, Heading 1 and Heading 2."""
    document = docx.Document()
    describe(document, source)
    for block in source.blocks:
        write(document, block)
    out = io.BytesIO()
    document.save(out)
    return freeze(out.getvalue())


def describe(document: Document, source: Source) -> None:
    """Sets the properties, the body font, the A4 page, the header and the footer."""
    properties = document.core_properties
    properties.title, properties.author, properties.language = source.title, "배움전자 주식회사", "ko-KR"
    properties.comments = ""
    properties.created = properties.modified = MADE_AT
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = FONT, Pt(10.5)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), FONT)
    section = document.sections[0]
    section.page_width, section.page_height = Cm(21), Cm(29.7)
    section.header.paragraphs[0].text = f"배움전자 주식회사 | {source.title}"
    page = OxmlElement("w:fldSimple")
    page.set(qn("w:instr"), "PAGE")
    section.footer.paragraphs[0]._p.append(page)


def write(document: Document, block: Block) -> None:
    """Appends a block to the document."""
    if block.kind == "table":
        write_table(document, block.rows)
    elif block.kind == "heading":
        document.add_heading(block.text, level=block.level - 1)
    else:
        document.add_paragraph(block.text)


def write_table(document: Document, rows: list[list[str]]) -> None:
    """Appends a ruled table and the empty paragraph that Word wants between tables."""
    table = document.add_table(rows=len(rows), cols=len(rows[0]), style="Table Grid")
    for cells, row in zip(table.rows, rows, strict=True):
        for cell, text in zip(cells.cells, row, strict=True):
            cell.text = text
    document.add_paragraph()

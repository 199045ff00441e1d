"""Renders a sample as PDF, with an embedded subset of the Nanum Gothic font (Debian package fonts-nanum, OFL)."""

import io
from pathlib import Path
from xml.sax.saxutils import escape

from reportlab.lib import colors
from reportlab.lib.enums import TA_CENTER
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas
from reportlab.platypus import (
    Flowable,
    Paragraph,
    SimpleDocTemplate,
    Spacer,
    Table,
    TableStyle,
)

from tests.samples.source import Block, Source

FONTS = {
    "Nanum": Path("/usr/share/fonts/truetype/nanum/NanumGothic.ttf"),
    "NanumBold": Path("/usr/share/fonts/truetype/nanum/NanumGothicBold.ttf"),
}
TEXT = ParagraphStyle("text", fontName="Nanum", fontSize=10, leading=17, spaceAfter=2)
STYLES = {
    "line": TEXT,
    "clause": ParagraphStyle("clause", TEXT, leftIndent=4 * mm),
    "cell": ParagraphStyle("cell", TEXT, fontSize=9, leading=13, spaceAfter=0),
    "head": ParagraphStyle("head", TEXT, fontName="NanumBold", fontSize=9, leading=13, spaceAfter=0),
    "heading1": ParagraphStyle(
        "heading1", TEXT, fontName="NanumBold", fontSize=18, leading=26, spaceAfter=8 * mm, alignment=TA_CENTER
    ),
    "heading2": ParagraphStyle(
        "heading2",
        TEXT,
        fontName="NanumBold",
        fontSize=13,
        leading=20,
        spaceBefore=6 * mm,
        alignment=TA_CENTER,
        keepWithNext=True,
    ),
    "heading3": ParagraphStyle("heading3", TEXT, fontName="NanumBold", spaceBefore=3 * mm, keepWithNext=True),
}
GRID = TableStyle(
    [
        ("GRID", (0, 0), (-1, -1), 0.5, colors.grey),
        ("BACKGROUND", (0, 0), (-1, 0), colors.whitesmoke),
        ("VALIGN", (0, 0), (-1, -1), "MIDDLE"),
    ]
)


def to_pdf(source: Source) -> bytes:
    """An A4 PDF; every page carries the source's header and footer where it has them, and its number.

    Raises FileNotFoundError where the Korean font is not installed.
    """
    register_fonts()

    def decorate(canvas: Canvas, document: SimpleDocTemplate) -> None:
        canvas.setFont("Nanum", 8)
        canvas.drawString(20 * mm, A4[1] - 13 * mm, source.header)
        canvas.drawString(20 * mm, 12 * mm, source.footer)
        canvas.drawRightString(A4[0] - 20 * mm, 12 * mm, f"- {document.page} -")

    out = io.BytesIO()
    document = SimpleDocTemplate(
        out,
        pagesize=A4,
        leftMargin=20 * mm,
        rightMargin=20 * mm,
        topMargin=22 * mm,
        bottomMargin=22 * mm,
        title=source.title,
        author="배움전자 주식회사",
        invariant=1,
        lang="ko-KR",
    )
    flow = [flowable for block in source.blocks for flowable in draw(block, document.width)]
    document.build(flow, onFirstPage=decorate, onLaterPages=decorate)
    return out.getvalue()


def register_fonts() -> None:
    """Makes the Korean fonts known to reportlab; raises FileNotFoundError naming the missing package."""
    for name, path in FONTS.items():
        if not path.exists():
            raise FileNotFoundError(
                f"{path} is missing: install the Debian package fonts-nanum to draw the PDF samples"
            )
        pdfmetrics.registerFont(TTFont(name, path))


def draw(block: Block, width: float) -> list[Flowable]:
    """The flowables of a block; `width` is the text width in points."""
    if block.kind == "table":
        return [Spacer(1, 2 * mm), draw_table(block.rows, width), Spacer(1, 3 * mm)]
    if block.kind == "heading":
        return [Paragraph(escape(block.text), STYLES[f"heading{block.level}"])]
    style = "clause" if block.text[:2] in {f"{number}." for number in range(1, 10)} else "line"
    return [Paragraph(escape(block.text), STYLES[style])]


def draw_table(rows: list[list[str]], width: float) -> Table:
    """A ruled table over the text width whose head row is repeated on every page."""
    head, *rest = rows
    cells = [[Paragraph(escape(cell), STYLES["head"]) for cell in head]]
    cells += [[Paragraph(escape(cell), STYLES["cell"]) for cell in row] for row in rest]
    return Table(cells, colWidths=[width / len(head)] * len(head), repeatRows=1, style=GRID)

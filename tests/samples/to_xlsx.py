"""Renders a sample as XLSX: a sheet per chapter, a merged line of explanation over a table with typed cells."""

import io
import re
from datetime import date
from itertools import pairwise

import xlsxwriter

from tests.samples.frozen_zip import MADE_AT, freeze
from tests.samples.source import Block, Source


def to_xlsx(source: Source) -> bytes:
    """A workbook in which ISO dates are date cells and whole numbers are number cells, as people make them."""
    out = io.BytesIO()
    book = xlsxwriter.Workbook(out, {"in_memory": True})
    book.set_properties({"title": source.title, "author": "배움전자 주식회사", "created": MADE_AT.replace(tzinfo=None)})
    blocks = source.blocks
    starts = [at for at, block in enumerate(blocks) if block.level == 2]
    for start, end in pairwise([*starts, len(blocks)]):
        add_sheet(book, blocks[start].text, blocks[start + 1 : end])
    book.close()
    return freeze(out.getvalue())


def add_sheet(book: xlsxwriter.Workbook, name: str, blocks: list[Block]) -> None:
    """Appends a sheet: the chapter's explanation in the merged first row, then its table."""
    explanation = " ".join(block.text for block in blocks if block.kind == "line")
    rows = next(block.rows for block in blocks if block.kind == "table")
    sheet = book.add_worksheet(name)
    sheet.merge_range(0, 0, 0, len(rows[0]) - 1, explanation, book.add_format({"text_wrap": True}))
    sheet.set_row(0, 36)
    sheet.set_column(0, len(rows[0]) - 1, 18)
    head, day = book.add_format({"bold": True, "border": 1}), book.add_format({"num_format": "yyyy-mm-dd"})
    sheet.write_row(1, 0, rows[0], head)
    sheet.freeze_panes(2, 0)
    for y, row in enumerate(rows[1:], start=2):
        for x, text in enumerate(row):
            write_cell(sheet, y, x, text, day)


def write_cell(sheet: xlsxwriter.worksheet.Worksheet, y: int, x: int, text: str, day: object) -> None:
    """Writes one cell with the type its text has."""
    if re.fullmatch(r"\d{4}-\d\d-\d\d", text):
        sheet.write_datetime(y, x, date.fromisoformat(text), day)
    elif text.isdecimal():
        sheet.write_number(y, x, int(text))
    else:
        sheet.write_string(y, x, text)

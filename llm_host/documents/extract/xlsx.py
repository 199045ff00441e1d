"""XLSX by calamine: a sheet is a heading, its areas between blank rows are tables."""

import datetime
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

import python_calamine as calamine

from llm_host.documents.blocks import Block, DocumentError, Extracted
from llm_host.documents.extract.archive import CORRUPT

Row = list[str]


def extract_xlsx(path: Path) -> Extracted:
    """Visible sheets as tables; hidden sheets are left out with the warning `hidden_text`. Raises `document.corrupt`."""
    blocks: list[Block] = []
    hidden = False
    try:
        with calamine.CalamineWorkbook.from_path(path) as workbook:
            for sheet in workbook.sheets_metadata:
                if sheet.visible != calamine.SheetVisibleEnum.Visible:
                    hidden = True
                elif sheet.typ == calamine.SheetTypeEnum.WorkSheet:
                    blocks += _sheet(workbook.get_sheet_by_name(sheet.name))
    except calamine.CalamineError as error:
        raise DocumentError("document.corrupt", CORRUPT) from error
    return Extracted(tuple(blocks), warnings=("hidden_text",) if hidden else ())


def _sheet(sheet: calamine.CalamineSheet) -> Iterator[Block]:
    rows = [[_cell(value) for value in row] for row in sheet.iter_rows()]
    areas = [list(area) for filled, area in groupby(rows, key=any) if filled]
    if areas:
        yield Block("heading", sheet.name, level=1)
    for area in areas:
        yield from _area(area)


def _area(rows: list[Row]) -> Iterator[Block]:
    """Rows with one filled cell above the table are its title; the first row with more is the header."""
    start = next((at for at, row in enumerate(rows) if sum(map(bool, row)) > 1), len(rows))
    for row in rows[:start]:
        yield Block("text", next(filter(None, row)))
    table = _without_empty_columns(rows[start:])
    if table:
        yield Block("table", "\n".join(" | ".join(row) for row in table))


def _without_empty_columns(rows: list[Row]) -> list[Row]:
    kept = [at for at, column in enumerate(zip(*rows, strict=True)) if any(column)]
    return [[row[at] for at in kept] for row in rows]


def _cell(value: object) -> str:
    """As a person reads it: 15.0 is 15, midnight is a date."""
    if isinstance(value, bool):
        return "TRUE" if value else "FALSE"
    if isinstance(value, float):
        return str(int(value)) if value.is_integer() else f"{value:.12g}"
    if isinstance(value, datetime.datetime) and value.time() == datetime.time():
        return value.date().isoformat()
    return " ".join(str(value).replace("|", "/").split())

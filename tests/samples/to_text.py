"""Renders a sample as HTML, Markdown or plain text."""

import unicodedata
from collections.abc import Iterable
from html import escape
from itertools import groupby

from tests.samples.source import Block, Source

# What an intranet page carries around its text.
PAGE = """<!DOCTYPE html>
<html lang="ko">
<head>
<meta charset="utf-8">
<title>{title} | 배움포털</title>
<style>body {{ font-family: sans-serif; }} td, th {{ border: 1px solid #999; padding: 4px; }}</style>
<script>window.menuState = {{ open: false }};</script>
</head>
<body>
<header><a href="/">배움포털</a></header>
<nav><ul><li><a href="/notice">공지사항</a></li><li><a href="/courses">교육 과정</a></li></ul></nav>
<main>
{main}
</main>
<footer>배움전자 주식회사 인재개발팀 | 이 페이지를 인쇄하려면 Ctrl+P를 누르세요</footer>
</body>
</html>
"""


def to_md(source: Source) -> bytes:
    """The source's own Markdown in UTF-8."""
    return source.body.encode()


def to_html(source: Source) -> bytes:
    """A page in UTF-8 with a menu, a script and a footer around its main part."""
    groups = groupby(source.blocks, lambda block: block.kind == "item")
    main = "\n".join(html_list(run) if items else "\n".join(map(html_of, run)) for items, run in groups)
    return PAGE.format(title=escape(source.title), main=main).encode()


def html_list(items: Iterable[Block]) -> str:
    """The list of items that follow one another."""
    return "<ul>" + "".join(f"<li>{escape(item.text)}</li>" for item in items) + "</ul>"


def html_of(block: Block) -> str:
    """The element of a block other than an item."""
    if block.kind == "table":
        head, *rest = block.rows
        rows = [html_row(head, "th"), *(html_row(row, "td") for row in rest)]
        return "<table>\n" + "\n".join(rows) + "\n</table>"
    tag = {"heading": f"h{block.level}", "line": "p"}[block.kind]
    return f"<{tag}>{escape(block.text)}</{tag}>"


def html_row(cells: list[str], tag: str) -> str:
    """A table row of `tag` cells."""
    return "<tr>" + "".join(f"<{tag}>{escape(cell)}</{tag}>" for cell in cells) + "</tr>"


def to_txt(source: Source) -> bytes:
    """Plain text as an old office program on Windows saves it: CP949, CRLF, tables in padded columns.

    Raises UnicodeEncodeError where the source has a character that CP949 lacks.
    """
    return "\r\n".join(line for block in source.blocks for line in text_of(block)).encode("cp949") + b"\r\n"


def text_of(block: Block) -> list[str]:
    """The lines of a block."""
    if block.kind == "table":
        widths = [max(map(columns, column)) for column in zip(*block.rows, strict=True)]
        return ["", *(padded(row, widths) for row in block.rows), ""]
    return ["", block.text, ""] if block.kind == "heading" and block.level < 3 else [block.text]


def padded(row: list[str], widths: list[int]) -> str:
    """A table row with every cell as wide as its column."""
    return "  ".join(cell + " " * (width - columns(cell)) for cell, width in zip(row, widths, strict=True)).rstrip()


def columns(text: str) -> int:
    """How many columns of a terminal `text` takes: a Korean letter takes two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)

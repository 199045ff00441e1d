"""Markdown: headings, tables, fenced code and paragraphs, as a reader sees them."""

import re
from collections.abc import Iterator
from pathlib import Path

from llm_host.documents.blocks import Block, Extracted
from llm_host.documents.extract.text import read_text

_HEADING = re.compile(r" {0,3}(#{1,6})\s+(.*?)(?:\s+#+)?\s*$")
_UNDERLINE = re.compile(r" {0,3}(=+|-+)\s*$")
_FENCE = re.compile(r" {0,3}(`{3,}|~{3,})")
_TABLE_RULE = re.compile(r"\s*\|?\s*:?-+:?\s*(\|\s*:?-+:?\s*)*\|?\s*$")
_COMMENT = re.compile(r"<!--.*?(?:-->|\Z)", re.DOTALL)
_FRONT_MATTER = re.compile(r"\A---\n.*?\n(?:---|\.\.\.)\n", re.DOTALL)
_IMAGE_OR_LINK = re.compile(r"!?\[([^\]]*)\]\([^)\s]*(?:\s+\"[^\"]*\")?\)")
_EMPHASIS = re.compile(r"(\*\*|__|~~)(?=\S)(.+?)(?<=\S)\1")


def extract_markdown(path: Path) -> Extracted:
    """Blocks of a Markdown file; HTML comments are dropped with the warning `hidden_text`. Raises as `read_text`."""
    text = _FRONT_MATTER.sub("", read_text(path))
    shown = _COMMENT.sub("", text)
    blocks = tuple(_blocks(shown.split("\n")))
    return Extracted(blocks, warnings=() if shown == text else ("hidden_text",))


def _blocks(lines: list[str]) -> Iterator[Block]:
    paragraph: list[str] = []
    index = 0
    while index < len(lines):
        line = lines[index]
        index += 1
        if fence := _FENCE.match(line):
            yield from _paragraph(paragraph)
            code, index = _fenced(lines, index, fence[1])
            yield from _text(code)
        elif heading := _HEADING.match(line):
            yield from _paragraph(paragraph)
            yield Block("heading", _inline(heading[2]), level=len(heading[1]))
        elif paragraph and (rule := _UNDERLINE.match(line)) and "|" not in paragraph[-1]:
            title = paragraph.pop()
            yield from _paragraph(paragraph)
            yield Block("heading", _inline(title), level=1 if "=" in rule[1] else 2)
        elif not line.strip():
            yield from _paragraph(paragraph)
        else:
            paragraph.append(line)
    yield from _paragraph(paragraph)


def _fenced(lines: list[str], start: int, mark: str) -> tuple[str, int]:
    end = start
    while end < len(lines) and not lines[end].strip().startswith(mark):
        end += 1
    return "\n".join(lines[start:end]), end + 1


def _paragraph(lines: list[str]) -> Iterator[Block]:
    """The block of the lines gathered so far, which are used up."""
    rule = next((at for at, line in enumerate(lines) if at and "|" in line and _TABLE_RULE.match(line)), None)
    if rule is not None and "|" in lines[rule - 1]:
        yield from _text("\n".join(map(_inline, lines[: rule - 1])))
        rows = [lines[rule - 1], *lines[rule + 1 :]]
        yield Block("table", "\n".join(_row(line) for line in rows))
    else:
        yield from _text("\n".join(map(_inline, lines)))
    lines.clear()


def _text(text: str) -> Iterator[Block]:
    if text.strip():
        yield Block("text", text)


def _row(line: str) -> str:
    cells = re.split(r"(?<!\\)\|", line.strip().strip("|"))
    return " | ".join(_inline(cell.replace(r"\|", "/")).strip() for cell in cells)


def _inline(text: str) -> str:
    text = _EMPHASIS.sub(r"\2", _IMAGE_OR_LINK.sub(r"\1", text))
    return re.sub(r"^\s*>\s?", "", text).replace("`", "")

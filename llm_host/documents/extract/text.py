"""Plain text: the encoding is decided, never guessed; blank lines part paragraphs, aligned lines are tables."""

import re
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path

from llm_host.documents.blocks import Block, DocumentError, Extracted
from llm_host.documents.extract import limits

_UNDECODABLE = "글자 인코딩을 알 수 없습니다. UTF-8로 다시 저장한 뒤 올려 주세요."
_TOO_LARGE = f"글이 너무 깁니다({limits.MAX_CHARACTERS:,}자까지). 나누어 올려 주세요."
_COLUMNS = re.compile(r"\t+|[ \u3000]{2,}")
_UTF16_MARKS = (b"\xff\xfe", b"\xfe\xff")


def extract_text(path: Path) -> Extracted:
    """Paragraphs and tables of a text file. Raises what `read_text` raises."""
    paragraphs = re.split(r"\n[ \t]*\n", read_text(path))
    return Extracted(tuple(block for paragraph in paragraphs for block in _blocks(paragraph.split("\n"))))


def _blocks(lines: list[str]) -> Iterator[Block]:
    """Neighbouring lines with as many columns, parted by tabs or two blanks, are rows of a table."""
    rows = [_COLUMNS.split(line.strip()) for line in lines if line.strip()]
    for columns, group in groupby(rows, key=len):
        cells = list(group)
        if columns > 1 and len(cells) > 1:
            yield Block("table", "\n".join(" | ".join(row) for row in cells))
        else:
            yield Block("text", "\n".join(" ".join(row) for row in cells))


def read_text(path: Path) -> str:
    """The text of a file: UTF-16 if marked so, else UTF-8, else CP949; lines end in \\n.

    Raises DocumentError `document.undecodable` and `document.too_large`.
    """
    if path.stat().st_size > 4 * limits.MAX_CHARACTERS:
        raise DocumentError("document.too_large", _TOO_LARGE)
    data = path.read_bytes()
    encodings = ("utf-16",) if data.startswith(_UTF16_MARKS) else ("utf-8-sig", "cp949")
    for encoding in encodings:
        try:
            return re.sub("\r\n?", "\n", data.decode(encoding))
        except UnicodeDecodeError:
            continue
    raise DocumentError("document.undecodable", _UNDECODABLE)

"""Reads a sample's Markdown source: front matter, then one block per line (headings, lines, notes) and tables."""

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True)
class Block:
    """`kind` is heading, line, item, note or table; `level` counts a heading's hashes; `rows[0]` heads a table."""

    kind: str
    text: str = ""
    level: int = 0
    rows: list[list[str]] = field(default_factory=list)


@dataclass(frozen=True)
class Source:
    """One sample document. `file` is the name it is rendered to; its suffix decides the format."""

    title: str
    file: str
    domain: str
    departments: list[str]
    header: str
    footer: str
    body: str

    @property
    def suffix(self) -> str:
        """The format, as in `.pdf`."""
        return Path(self.file).suffix

    @property
    def blocks(self) -> list[Block]:
        """The body in reading order."""
        blocks: list[Block] = []
        for line in filter(None, map(str.strip, self.body.splitlines())):
            if line.startswith("|"):
                add_row(blocks, line)
            else:
                blocks.append(read_line(line))
        return blocks


def read_line(line: str) -> Block:
    """The block that a line outside a table stands for."""
    mark, _, rest = line.partition(" ")
    if mark and set(mark) == {"#"}:
        return Block("heading", rest, level=len(mark))
    if mark in ("-", ">"):
        return Block({"-": "item", ">": "note"}[mark], rest)
    return Block("line", line)


def add_row(blocks: list[Block], line: str) -> None:
    """Appends a table row to the table that ends `blocks`, or starts one; the rule under the head says nothing."""
    cells = [cell.strip() for cell in line.strip("|").split("|")]
    if set("".join(cells)) == {"-"} and len(blocks[-1].rows) == 1:
        return
    if blocks[-1].kind != "table":
        blocks.append(Block("table"))
    blocks[-1].rows.append(cells)


def read_source(path: Path) -> Source:
    """Reads `path`; raises KeyError where the front matter lacks title, file or domain."""
    _, front, body = path.read_text(encoding="utf-8").split("---\n", 2)
    meta = dict(line.split(": ", 1) for line in front.strip().splitlines())
    departments = meta["departments"].strip("[]")
    return Source(
        title=meta["title"],
        file=meta["file"],
        domain=meta["domain"],
        departments=[name.strip() for name in departments.split(",")] if departments else [],
        header=meta.get("header", ""),
        footer=meta.get("footer", ""),
        body=body.lstrip("\n"),
    )

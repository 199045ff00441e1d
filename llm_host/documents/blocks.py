"""What passes between the steps from a file to chunks: blocks, chunks, and the one error a bad file raises."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["heading", "text", "table", "line"]


class DocumentError(Exception):
    """A file that cannot be used. `code` is stable; `reason` is Korean and says what a person can do."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Block:
    """One piece of a document in reading order.

    A `table` holds one row per line with cells joined by " | "; its first row is the header.
    A `line` is a line as it stands on a page, with " | " at wide gaps; `clean` makes paragraphs and tables of lines.
    Pages count from 1.
    """

    kind: Kind
    text: str
    page: int | None = None
    level: int = 0  # of a heading, 1 is the highest


@dataclass(frozen=True, slots=True)
class Extracted:
    """A document as read. `pages` is None where the format has none; `warnings` are stable codes."""

    blocks: tuple[Block, ...]
    pages: int | None = None
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Chunk:
    """A passage to be found: its place is `page` (from 1), the `heading` path ("A > B") and the `clause` (제N조)."""

    position: int
    text: str
    page: int | None
    heading: str | None
    clause: str | None

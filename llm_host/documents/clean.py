"""From what was extracted to what was meant: running heads out, broken lines joined, articles and chapters apart."""

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from itertools import groupby, takewhile

from llm_host.documents.blocks import Block
from llm_host.documents.clauses import clause_of, part_level

EDGE_LINES = 3  # of a page, at its top and bottom: where running heads and page numbers stand
RUNNING_SHARE = 0.6  # of the pages; a title page, a table or a last page may lack the running head
RUNNING_PAGES = 3  # on fewer pages a repeated line may be content
SHORT_LINE = 200  # characters: a longer line is no running head and no entry of a table of contents
LONG_PARAGRAPH = 2_000  # characters: joined no further, for it is split again anyway
FULL_LINE = 0.75  # of the usual width: a shorter line was ended on purpose

_PAGE_NUMBER = re.compile(
    r"[-–—\s]*(?:page|p\.)?\s*(\d{1,4})\s*(?:쪽|페이지)?(?:\s*/\s*\d{1,4})?[-–—\s]*", re.IGNORECASE
)
# Numbers that stand alone; "제2과" and "2." belong to the content even where every page has one more.
_COUNTER = re.compile(r"(?<![^\s/|(\[–—-])\d{1,4}(?=쪽|페이지|[\s/|)\]–—-]|$)")
_CONTENTS_ENTRY = re.compile(r".*(?:[.·…‥]\s?){4,}\s*\d*\s*$")
_SENTENCE_END = re.compile(r"[.!?。:;][\"'”’)\]」』]*$")
_SENTENCE = re.compile(r"[.!?。][\"'”’)\]」』]*\s")
_ITEM = re.compile(
    r"(?:[-*•·▪■□○●◦◆▶※➤☞]|[①-⑳㉠-㉻ⓐ-ⓩ]|\(?\d{1,2}[.)]|\d+(?:\.\d+)+|[가-하][.)]|\([가-하]\)|Q\d*[.:]|A\d*[.:])\s*\S"
)
# Endings and particles that never stand alone: the line broke inside a word.
_BOUND = re.compile(r"(?:은|는|을|를|에|에서|에게|으로|로|와|과|의|도|다|까지|부터)(?=[\s.,)]|$)")


def clean(blocks: Sequence[Block]) -> list[Block]:
    """Headings, paragraphs and tables in reading order, without running heads, page numbers and tables of contents.

    An article (제N조) always begins a block, and so does a chapter, as a heading. A block never spans pages,
    save for a sentence that does.
    """
    lines = (block for block in _without_running_lines(blocks) if not _is_contents_entry(block.text))
    return [piece for block in _joined(list(lines)) for piece in _structured(block)]


def _without_running_lines(blocks: Sequence[Block]) -> list[Block]:
    """Peels repeated lines from the top and the bottom of each page, up to the first that is not repeated."""
    if not any(block.kind == "line" for block in blocks):
        return list(blocks)
    pages: defaultdict[int | None, list[int]] = defaultdict(list)
    for at, block in enumerate(blocks):
        pages[block.page].append(at)
    edges = [side for lines in pages.values() for side in (lines[:EDGE_LINES], lines[: -EDGE_LINES - 1 : -1])]
    on_page = {(blocks[at].page, key) for side in edges for at in side for key in _running_keys(blocks[at])}
    counts = Counter(key for _, key in on_page)
    enough = max(RUNNING_PAGES, math.ceil(RUNNING_SHARE * len(pages)))

    def is_running(at: int) -> bool:
        return _is_page_number(blocks[at]) or any(counts[key] >= enough for key in _running_keys(blocks[at]))

    dropped = {at for side in edges for at in takewhile(is_running, side)}
    return [block for at, block in enumerate(blocks) if at not in dropped]


def _running_keys(block: Block) -> Iterator[str]:
    """What a line has in common with those of other pages: itself, or itself but for a number that counts pages."""
    if len(block.text) > SHORT_LINE:
        return
    yield block.text
    for number in _COUNTER.finditer(block.text):
        ahead = int(number[0]) - (block.page or 0)
        yield f"{block.text[: number.start()]}#{ahead}{block.text[number.end() :]}"


def _is_contents_entry(line: str) -> bool:
    return len(line) <= SHORT_LINE and _CONTENTS_ENTRY.fullmatch(line) is not None


def _is_page_number(block: Block) -> bool:
    match = _PAGE_NUMBER.fullmatch(block.text)
    return match is not None and int(match[1]) == block.page


def _joined(blocks: list[Block]) -> Iterator[Block]:
    """Lines made into paragraphs and tables; everything else passes."""
    joiner = _Joiner([block.text for block in blocks if block.kind == "line"])
    for cells, group in groupby(blocks, key=_cells):
        if cells == 0:
            yield from group
        elif cells == 1:
            yield from joiner.paragraphs(group)
        else:
            yield from _rows(list(group))


def _cells(block: Block) -> int:
    return block.text.count("|") + 1 if block.kind == "line" else 0


def _rows(rows: list[Block]) -> Iterator[Block]:
    """Two rows or more with as many cells are a table, one alone is a line of text. A page turn parts tables."""
    for page, group in groupby(rows, key=lambda row: row.page):
        texts = [row.text for row in group]
        if len(texts) > 1:
            yield Block("table", "\n".join(texts), page)
        else:
            yield Block("text", re.sub(r"\s*\|\s*", " ", texts[0]), page)


class _Joiner:
    """Joins lines that were broken for want of room. What words look like is learnt from the document itself."""

    def __init__(self, lines: list[str]) -> None:
        widths = sorted(map(_width, lines))
        self._full = FULL_LINE * widths[int(0.9 * (len(widths) - 1))] if widths else 0.0
        self._words = {word.strip(".,()") for line in lines for word in line.split()[1:-1]}

    def paragraphs(self, lines: Iterable[Block]) -> Iterator[Block]:
        """Paragraphs of consecutive lines. A sentence broken by a page turn belongs to the page where it begins."""
        paragraph: Block | None = None
        last = ""
        for line in lines:
            is_full = paragraph is not None and len(paragraph.text) > LONG_PARAGRAPH
            if paragraph is None or is_full or not self._goes_on(last, line.text):
                yield from _text(paragraph)
                paragraph = line
            elif line.page != paragraph.page:
                end = _SENTENCE.search(line.text + " ")
                cut = end.end() if end else len(line.text)
                head, tail = line.text[:cut].rstrip(), line.text[cut:]
                paragraph = replace(paragraph, text=self._join(paragraph.text, head))
                if tail:
                    yield from _text(paragraph)
                    paragraph = replace(line, text=tail)
            else:
                paragraph = replace(paragraph, text=self._join(paragraph.text, line.text))
            last = line.text
        yield from _text(paragraph)

    def _goes_on(self, line: str, following: str) -> bool:
        ended = _width(line) < self._full or _SENTENCE_END.search(line)
        return not ended and not _starts_anew(following)

    def _join(self, text: str, line: str) -> str:
        if re.search(r"[a-z]-$", text) and line[0].islower():
            return text[:-1] + line
        left, right = text.rsplit(maxsplit=1)[-1], line.split(maxsplit=1)[0]
        broken = f"{left}{right}".strip(".,()") in self._words or _BOUND.match(line)
        return text + line if broken and _is_hangul(left[-1]) and _is_hangul(right[0]) else f"{text} {line}"


def _text(paragraph: Block | None) -> Iterator[Block]:
    if paragraph is not None:
        yield replace(paragraph, kind="text")


def _starts_anew(line: str) -> bool:
    return bool(_ITEM.match(line) or clause_of(line) or part_level(line))


def _is_hangul(char: str) -> bool:
    return "가" <= char <= "힣"


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(char) in "WF" else 1 for char in text)


def _structured(block: Block) -> Iterator[Block]:
    """A text block cut before each article and chapter line in it; other blocks with their blanks collapsed."""
    if block.kind != "text":
        rows = (" ".join(row.split()).rstrip(" |") for row in block.text.split("\n"))
        yield replace(block, text="\n".join(row for row in rows if row))
        return
    paragraph: list[str] = []
    for raw in block.text.split("\n"):
        line = " ".join(raw.split())
        if not line or _is_contents_entry(line):
            continue
        level = part_level(line)
        if paragraph and (level or clause_of(line)):
            yield replace(block, text="\n".join(paragraph))
            paragraph = []
        if level:
            yield replace(block, kind="heading", text=line, level=level)
        else:
            paragraph.append(line)
    if paragraph:
        yield replace(block, text="\n".join(paragraph))

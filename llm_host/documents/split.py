"""From blocks to chunks that can be found and cited: one topic each, with the page, heading and article it stands in."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from llm_host.documents.blocks import Block, Chunk
from llm_host.documents.clauses import clause_of

TARGET = 500  # characters: paragraphs are packed up to here; about an article and a half
HARD_LIMIT = 800  # no chunk is longer
SHORTEST = 30  # a shorter chunk stands only where its section has nothing else
WHOLE = HARD_LIMIT - 3 * SHORTEST  # a paragraph up to here stays in one piece and still takes a short neighbour
HEADING_LIMIT = 100  # a longer "heading" is a paragraph in large type
PATH_LIMIT = 300
_HEADER_LIMIT = 200  # a longer first row is no header worth repeating
_BELOW_ALL = 99
# A full stop after a digit ends no sentence: "2026. 1. 1. 시행".
_SENTENCE_GAP = re.compile(r"(?<=[^\d\s][.!?。])[\"'”’)\]」』]*\s+|\n+")


@dataclass(frozen=True, slots=True)
class _Piece:
    text: str
    page: int | None


@dataclass(slots=True)
class _Section:
    """What stands between two boundaries: a heading, or an article's beginning."""

    path: tuple[tuple[int, str], ...] = ()  # level and text, outermost first
    clause: str | None = None
    clause_level: int = _BELOW_ALL
    pieces: list[_Piece] = field(default_factory=list)
    page: int | None = None


def split(blocks: Sequence[Block]) -> list[Chunk]:
    """Chunks of cleaned blocks in reading order; the same blocks always give the same chunks.

    No chunk crosses a heading or an article (제N조). A page is that of the chunk's first words; a chunk crosses a page only
    to save a fragment. Rows of a long table carry its header. A heading with nothing under it is a chunk itself.
    """
    chunks: list[Chunk] = []
    for section in _with_bare_headings(list(_sections(blocks))):
        heading = _joined_path([text for _, text in section.path])
        for piece in _packed(section.pieces):
            chunks.append(Chunk(len(chunks), piece.text, piece.page, heading, section.clause))
    return chunks


def _sections(blocks: Sequence[Block]) -> Iterator[_Section]:
    section = _Section()
    for block in blocks:
        clause = clause_of(block.text) if block.kind in ("heading", "text") else None
        is_heading = block.kind == "heading" and len(block.text) <= HEADING_LIMIT
        if clause:
            yield section
            level = block.level if is_heading else _BELOW_ALL
            section = _Section(section.path, clause, level)
        elif is_heading:
            yield section
            section = _under(section, block)
        if clause or not is_heading:
            section.pieces += _table_pieces(block) if block.kind == "table" else _text_pieces(block)
    yield section


def _under(section: _Section, heading: Block) -> _Section:
    """The section that a heading opens. A heading deeper than the article it stands in does not end the article."""
    path = (*(part for part in section.path if part[0] < heading.level), (heading.level, heading.text))
    keeps_clause = heading.level > section.clause_level
    clause, level = (section.clause, section.clause_level) if keeps_clause else (None, _BELOW_ALL)
    return _Section(path, clause, level, page=heading.page)


def _with_bare_headings(sections: list[_Section]) -> Iterator[_Section]:
    for section, following in pairwise([*sections, _Section()]):
        is_parent = following.path[: len(section.path)] == section.path
        if not section.pieces and section.path and not is_parent:
            section.pieces.append(_Piece(section.path[-1][1], section.page))
        yield section


def _joined_path(texts: list[str]) -> str | None:
    while len(" > ".join(texts)) > PATH_LIMIT:
        texts = texts[1:]
    return " > ".join(texts) or None


def _text_pieces(block: Block) -> Iterator[_Piece]:
    """A paragraph as it is, or a long one by sentences."""
    texts = [block.text] if len(block.text) <= WHOLE else _cut(block.text, TARGET)
    return (_Piece(text, block.page) for text in texts)


def _table_pieces(block: Block) -> Iterator[_Piece]:
    """A table as it is, or a long one by rows, each piece with the header row."""
    if len(block.text) <= WHOLE:
        yield _Piece(block.text, block.page)
        return
    header, _, rest = block.text.partition("\n")
    if len(header) > _HEADER_LIMIT or not rest:
        header, rest = "", block.text
    gathered = [header] if header else []
    used = len(header)
    for row in rest.split("\n"):
        for part in _cut(row, TARGET - len(header) - 1):
            if used + 1 + len(part) > TARGET and used > len(header):
                yield _Piece("\n".join(gathered), block.page)
                gathered, used = gathered[: bool(header)], len(header)
            gathered.append(part)
            used += 1 + len(part)
    yield _Piece("\n".join(gathered), block.page)


def _cut(text: str, size: int) -> Iterator[str]:
    """Pieces of at most `size` characters, as full as they get: cut between sentences, else words, else anywhere."""
    start = end = 0
    for stop in _stops(text, size):
        if stop - start > size and end > start:
            yield text[start:end].strip()
            start = end
        end = stop
    yield text[start:].strip()


def _stops(text: str, size: int) -> Iterator[int]:
    """Where `text` may be cut, none further than `size` (and blanks) from the one before."""
    words = re.compile(rf".{{1,{size}}}(?:\s+|\Z)|.{{1,{size}}}", re.DOTALL)
    begin = 0
    for stop in (*(gap.end() for gap in _SENTENCE_GAP.finditer(text)), len(text)):
        if stop - begin > size:
            yield from (part.end() for part in words.finditer(text, begin, stop))
        elif stop > begin:
            yield stop
        begin = stop


def _packed(pieces: list[_Piece]) -> list[_Piece]:
    packed: list[_Piece] = []
    for piece in pieces:
        last = packed[-1] if packed else None
        fits = last and last.page == piece.page and len(last.text) + 1 + len(piece.text) <= TARGET
        if last and (fits or len(last.text) < SHORTEST):
            packed[-1] = _Piece(f"{last.text}\n{piece.text}", last.page)
        else:
            packed.append(piece)
    if len(packed) > 1 and len(packed[-1].text) < SHORTEST:
        tail = packed.pop()
        packed[-1] = _Piece(f"{packed[-1].text}\n{tail.text}", packed[-1].page)
    return packed

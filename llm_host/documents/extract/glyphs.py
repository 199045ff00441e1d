"""The characters of one PDF page as lines, without those that a reader cannot see."""

import ctypes
import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pypdfium2
import pypdfium2.raw as pdfium

from llm_host.documents.extract.grids import Grid, grids_on

TINY_POINTS = 2.0  # nobody reads it on paper or screen
WHITE = 250  # of 255, in each channel
CELL_GAP = 1.5  # of the type size: wider than justified spacing, narrower than between table columns
SCAN_AREA = 0.5  # of the page; an image this large may carry an invisible OCR layer, which is honest text

_LINE_ENDS = (0x0A, 0x0D)
# pdfium's marks for a hyphen at the end of a line; and the mark that this project keeps for gaps between cells
_SPECIAL = {0x02: "-", 0xFFFE: "-", 0x7C: "/"}
_DARK_KINDS = (pdfium.FPDF_PAGEOBJ_PATH, pdfium.FPDF_PAGEOBJ_IMAGE, pdfium.FPDF_PAGEOBJ_SHADING)


@dataclass(frozen=True, slots=True)
class Line:
    """`size` is the type size of most of its letters and `top` their upper edge, in points; wide gaps make `cells`.

    Rows of ruled tables and lines read by OCR have no size: 0.
    """

    text: str
    size: float
    top: float
    cells: int


@dataclass(frozen=True, slots=True)
class _Box:
    left: float
    bottom: float
    right: float
    top: float

    def covers(self, other: "_Box") -> bool:
        return (
            self.left <= other.left + 1
            and self.right >= other.right - 1
            and self.bottom <= other.bottom + 1
            and self.top >= other.top - 1
        )

    def apart_from(self, other: "_Box") -> bool:
        return self.right < other.left or self.left > other.right or self.top < other.bottom or self.bottom > other.top


@dataclass(slots=True)
class _Run:
    """Letters of one text object that stand on one line; `handle` is None for what pdfium made up (spaces)."""

    handle: Any
    start: int
    text: str
    ends_line: bool = False


def page_lines(page: pypdfium2.PdfPage) -> tuple[list[Line], bool]:
    """The page's visible lines in reading order, rows of ruled tables among them, and whether text was hidden on it."""
    textpage = page.get_textpage()
    sight = _Sight(page, textpage)
    grids = grids_on(page)
    hidden = False
    parts: list[Line | Grid] = []
    open_line: list[tuple[_Run, _Box, float]] = []
    for run in _runs(textpage):
        box, size = sight.box(run), sight.size(run)
        x, y = box.left + size / 4, (box.bottom + box.top) / 2
        grid = next((grid for grid in grids if grid.holds(x, y)), None)
        if run.text.strip() and sight.hides(run, box, size):
            hidden = True
        elif grid and run.text.strip():
            if not any(part is grid for part in parts):
                parts += [*_line(open_line), grid]
                open_line = []
            grid.put(x, y, run.text + " " * run.ends_line)
        elif run.text:
            open_line.append((run, box, size))
        if run.ends_line:
            parts += _line(open_line)
            open_line = []
    parts += _line(open_line)
    textpage.close()
    return [line for part in parts for line in ([part] if isinstance(part, Line) else _grid_lines(part))], hidden


def _grid_lines(grid: Grid) -> Iterator[Line]:
    for cells in grid.rows():
        yield Line(" | ".join(cells), size=0.0, top=0.0, cells=len(cells))


def _runs(textpage: pypdfium2.PdfTextPage) -> Iterator[_Run]:
    run = _Run(None, 0, "")
    address = 0
    for index in range(pdfium.FPDFText_CountChars(textpage.raw)):
        code = pdfium.FPDFText_GetUnicode(textpage.raw, index)
        if code in _LINE_ENDS:
            run.ends_line = True
            continue
        handle = pdfium.FPDFText_GetTextObject(textpage.raw, index)
        now = ctypes.addressof(handle.contents) if handle else address
        if run.ends_line or now != address:
            yield run
            run, address = _Run(handle, index, ""), now
        run.text += _SPECIAL.get(code) or chr(code)
    run.ends_line = True
    yield run


def _line(runs: list[tuple[_Run, _Box, float]]) -> Iterator[Line]:
    text, cells, right = "", 1, math.inf
    sizes: Counter[float] = Counter()
    for run, box, size in runs:
        if text.strip() and box.left - right > CELL_GAP * size:
            text, cells = text.rstrip() + " | ", cells + 1
        text += run.text
        right = box.right
        sizes[size] += len(run.text)
    if text.strip():
        text = text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        yield Line(" ".join(text.split()), sizes.most_common(1)[0][0], runs[0][1].top, cells)


class _Sight:
    """What a reader of one page can see."""

    def __init__(self, page: pypdfium2.PdfPage, textpage: pypdfium2.PdfTextPage) -> None:
        self._page = page
        self._text = textpage.raw
        self._edges = _Box(*page.get_cropbox())

    def box(self, run: _Run) -> _Box:
        first, last = self._char_box(run.start), self._char_box(run.start + max(0, len(run.text.rstrip()) - 1))
        return _Box(
            min(first.left, last.left),
            min(first.bottom, last.bottom),
            max(first.right, last.right),
            max(first.top, last.top),
        )

    def size(self, run: _Run) -> float:
        """Type size in points as it appears, to the half point: the set size times the scale of its matrix."""
        matrix = pdfium.FS_MATRIX()
        pdfium.FPDFText_GetMatrix(self._text, run.start, matrix)
        points: float = pdfium.FPDFText_GetFontSize(self._text, run.start) * math.hypot(matrix.c, matrix.d)
        return round(2 * points) / 2

    def hides(self, run: _Run, box: _Box, size: float) -> bool:
        if not run.handle:
            return False
        if size < TINY_POINTS or box.apart_from(self._edges):
            return True
        if pdfium.FPDFTextObj_GetTextRenderMode(run.handle) == pdfium.FPDF_TEXTRENDERMODE_INVISIBLE:
            return not self._is_scan
        white, opaque = _fill(run.handle)
        return not opaque or (white and not any(area.covers(box) for area in self._dark_areas))

    def _char_box(self, index: int) -> _Box:
        rect = pdfium.FS_RECTF()
        pdfium.FPDFText_GetLooseCharBox(self._text, index, rect)
        return _Box(rect.left, rect.bottom, rect.right, rect.top)

    @cached_property
    def _is_scan(self) -> bool:
        whole = self._page.get_width() * self._page.get_height()
        images = self._page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_IMAGE])
        boxes = [_Box(*image.get_bounds()) for image in images]
        return any((box.right - box.left) * (box.top - box.bottom) >= SCAN_AREA * whole for box in boxes)

    @cached_property
    def _dark_areas(self) -> list[_Box]:
        objects = self._page.get_objects(filter=_DARK_KINDS)
        return [
            _Box(*item.get_bounds())
            for item in objects
            if item.type != pdfium.FPDF_PAGEOBJ_PATH or _fill(item.raw) == (False, True)
        ]


def _fill(handle: Any) -> tuple[bool, bool]:  # noqa: ANN401 (a ctypes pointer)
    """Whether an object is filled with white, and whether the fill can be seen at all."""
    red, green, blue, alpha = (ctypes.c_uint() for _ in range(4))
    known = pdfium.FPDFPageObj_GetFillColor(handle, red, green, blue, alpha)
    white = bool(known) and min(red.value, green.value, blue.value) >= WHITE
    return white, not known or alpha.value > 0

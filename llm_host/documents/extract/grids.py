"""Tables drawn with lines on a PDF page: which cell a piece of text lies in, merged cells included."""

from bisect import bisect
from collections import defaultdict
from collections.abc import Iterable, Iterator
from ctypes import c_float
from dataclasses import dataclass, field
from itertools import islice, pairwise

import pypdfium2
import pypdfium2.raw as pdfium

SLACK = 2.0  # points; the two edges of a thick line are one edge
SHORTEST_EDGE = 6.0  # shorter strokes are bullets, check boxes and underlines of letters
PAGE_BORDER = 0.92  # of the page's height; a longer stroke frames the page, not a table
# Beyond these it is a drawing, whose lines would only cost time.
MOST_PATHS = 5_000
MOST_SEGMENTS = 500
MOST_CELLS = 2_000

Cell = tuple[int, int]  # row from the top, column from the left


@dataclass(frozen=True, slots=True)
class Edge:
    """A horizontal (y0 == y1) or vertical (x0 == x1) stroke, in points from the lower left corner."""

    x0: float
    y0: float
    x1: float
    y1: float


@dataclass(slots=True)
class Grid:
    """A table of at least two rows and two columns. `xs` go right, `ys` go up; `head` leads a merged cell to its first."""

    xs: list[float]
    ys: list[float]
    head: dict[Cell, Cell]
    _texts: dict[Cell, str] = field(default_factory=dict)

    def holds(self, x: float, y: float) -> bool:
        return self.xs[0] <= x < self.xs[-1] and self.ys[0] <= y < self.ys[-1]

    def put(self, x: float, y: float, text: str) -> None:
        """Adds text to the cell that the point lies in; texts come in reading order."""
        cell = self.head[len(self.ys) - 1 - bisect(self.ys, y), bisect(self.xs, x) - 1]
        self._texts[cell] = self._texts.get(cell, "") + text

    def rows(self) -> Iterator[list[str]]:
        """Texts by row; a merged cell is repeated in every row and column that it spans."""
        for row in range(len(self.ys) - 1):
            cells = [self._texts.get(self.head[row, column], "") for column in range(len(self.xs) - 1)]
            if any(map(str.strip, cells)):
                yield [" ".join(cell.replace("|", "/").split()) for cell in cells]


def grids_on(page: pypdfium2.PdfPage) -> list[Grid]:
    """The ruled tables of a page. One drawn with a few horizontal lines only is none."""
    longest = PAGE_BORDER * page.get_height()
    edges = [edge for edge in _strokes(page) if edge.y1 - edge.y0 < longest]
    return [grid for group in _stacked(edges) if (grid := _grid(group))]


def _strokes(page: pypdfium2.PdfPage) -> Iterator[Edge]:
    for item in islice(page.get_objects(filter=[pdfium.FPDF_PAGEOBJ_PATH], max_depth=1), MOST_PATHS):
        matrix = item.get_matrix()
        points: list[tuple[float, float]] = []
        for at in range(min(MOST_SEGMENTS, pdfium.FPDFPath_CountSegments(item.raw))):
            segment = pdfium.FPDFPath_GetPathSegment(item.raw, at)
            x, y = c_float(), c_float()
            pdfium.FPDFPathSegment_GetPoint(segment, x, y)
            if pdfium.FPDFPathSegment_GetType(segment) == pdfium.FPDF_SEGMENT_MOVETO:
                yield from _axis_edges(points)
                points = []
            points.append(matrix.on_point(x.value, y.value))
            if pdfium.FPDFPathSegment_GetClose(segment):
                points.append(points[0])
        yield from _axis_edges(points)


def _axis_edges(points: list[tuple[float, float]]) -> Iterator[Edge]:
    for (x0, y0), (x1, y1) in pairwise(points):
        if abs(y1 - y0) < SLACK / 2 and abs(x1 - x0) > SHORTEST_EDGE:
            yield Edge(min(x0, x1), y0, max(x0, x1), y0)
        elif abs(x1 - x0) < SLACK / 2 and abs(y1 - y0) > SHORTEST_EDGE:
            yield Edge(x0, min(y0, y1), x0, max(y0, y1))


def _stacked(edges: list[Edge]) -> Iterator[list[Edge]]:
    """Groups of edges that overlap in height: tables, one below the other."""
    group: list[Edge] = []
    top = 0.0
    for edge in sorted(edges, key=lambda edge: edge.y0):
        if group and edge.y0 > top + SLACK:
            yield group
            group = []
        top = max(top, edge.y1) if group else edge.y1
        group.append(edge)
    yield group


def _grid(edges: list[Edge]) -> Grid | None:
    flat = [edge for edge in edges if edge.y0 == edge.y1]
    upright = [edge for edge in edges if edge.x0 == edge.x1]
    xs, ys = _snapped(edge.x0 for edge in upright), _snapped(edge.y0 for edge in flat)
    if len(xs) < 3 or len(ys) < 3 or len(xs) * len(ys) > MOST_CELLS:
        return None
    lines, walls = defaultdict(list), defaultdict(list)
    for edge in flat:
        lines[bisect(ys, edge.y0) - 1].append((edge.x0, edge.x1))
    for edge in upright:
        walls[bisect(xs, edge.x0) - 1].append((edge.y0, edge.y1))
    head: dict[Cell, Cell] = {}
    for row, top in enumerate(range(len(ys) - 1, 0, -1)):
        for column in range(len(xs) - 1):
            head[row, column] = (row, column)
            if row and not _spanned(lines[top], xs[column], xs[column + 1]):
                head[row, column] = head[row - 1, column]
            elif column and not _spanned(walls[column], ys[top - 1], ys[top]):
                head[row, column] = head[row, column - 1]
    return Grid(xs, ys, head)


def _spanned(strokes: list[tuple[float, float]], start: float, end: float) -> bool:
    return any(low - SLACK <= start and end <= high + SLACK for low, high in strokes)


def _snapped(values: Iterable[float]) -> list[float]:
    snapped: list[float] = []
    for value in sorted(values):
        if not snapped or value - snapped[-1] > SLACK:
            snapped.append(value)
    return snapped

"""HTML as a browser shows it: headings, tables and text; scripts, menus and hidden elements are left out."""

import re
from collections.abc import Iterator
from pathlib import Path

from lxml import etree, html
from lxml.html import defs

from llm_host.documents.blocks import Block, DocumentError, Extracted
from llm_host.documents.extract.archive import CORRUPT
from llm_host.documents.extract.text import read_text

_SKIPPED = (
    "script",
    "style",
    "nav",
    "noscript",
    "template",
    "svg",
    "math",
    "iframe",
    "object",
    "canvas",
    "head",
    "button",
)
_BLOCKS = defs.block_tags | {"body", "caption", "dl", "summary", "details", "figcaption", "main"}
_SITE_FRAME = "//body/header[not(.//h1 | .//h2)] | //body/footer[not(.//h1 | .//h2)]"
_HEADINGS = {f"h{level}": level for level in range(1, 7)}
_IN_LAYOUT_TABLES = "table | .//table | .//h1 | .//h2 | .//h3 | .//h4"

_HIDING = re.compile(
    r"display:none|visibility:hidden|opacity:0(?:\.0+)?(?:;|$)|font-size:[01](?:\.\d+)?(?:px|pt|em|%)?(?:;|$)"
    r"|(?:left|top|text-indent):-\d{3,}"
)
_WHITE = re.compile(r"(?:^|;)color:(?:white|#fff(?:fff)?\b|rgba?\(255,255,255)")
_RULE = re.compile(r"([^{}]+)\{([^{}]*)\}")
_AT_BLOCK = re.compile(r"@[^{};]*\{(?:[^{}]*\{[^{}]*\})*[^{}]*\}")


def extract_html(path: Path) -> Extracted:
    """Visible blocks of a page; what a browser hides is dropped with the warning `hidden_text`.

    Raises DocumentError `document.corrupt` and what `read_text` raises.
    """
    source = re.sub(r"\A\s*<\?xml[^>]*\?>", "", read_text(path))
    if not source.strip():
        return Extracted(())
    parser = html.HTMLParser(no_network=True, remove_comments=True, remove_pis=True)
    try:
        root = html.document_fromstring(source, parser=parser)
    except (etree.ParserError, etree.XMLSyntaxError) as error:
        raise DocumentError("document.corrupt", CORRUPT) from error
    hidden = _drop_hidden(root)
    return Extracted(tuple(_blocks(root)), warnings=("hidden_text",) if hidden else ())


def _drop_hidden(root: html.HtmlElement) -> bool:
    names = _hidden_names(root)
    found = [element for element in root.iter() if _is_hidden(element, names)]
    hidden = any(element.text_content().strip() for element in found)
    for element in [*found, *root.iter(*_SKIPPED), *root.xpath(_SITE_FRAME)]:
        if element.getparent() is not None:
            element.drop_tree()
    return hidden


def _hidden_names(root: html.HtmlElement) -> frozenset[str]:
    """Classes and ids (".note", "#tip") that the page's own style sheet hides on screen."""
    sheet = _AT_BLOCK.sub("", " ".join(style.text or "" for style in root.iter("style")))
    selectors = [rule[1] for rule in _RULE.finditer(sheet) if _HIDING.search(_squeezed(rule[2]))]
    names = (name.strip() for group in selectors for name in group.split(","))
    return frozenset(name for name in names if re.fullmatch(r"[.#][\w-]+", name))


def _is_hidden(element: html.HtmlElement, names: frozenset[str]) -> bool:
    own = {f".{name}" for name in element.get("class", "").split()} | {f"#{element.get('id')}"}
    style = _squeezed(element.get("style", ""))
    if "hidden" in element.attrib or own & names or _HIDING.search(style):
        return True
    return bool(_WHITE.search(style)) and not any(_has_background(at) for at in (element, *element.iterancestors()))


def _has_background(element: html.HtmlElement) -> bool:
    return "background" in element.get("style", "") or "bgcolor" in element.attrib


def _squeezed(style: str) -> str:
    return re.sub(r"\s+|!important", "", style.lower())


def _blocks(root: html.HtmlElement) -> Iterator[Block]:
    """Text gathers until a block element begins or ends; the walk does not recurse, however deep a page nests."""
    text: list[str] = []
    walk = etree.iterwalk(root, events=("start", "end"))
    for event, element in walk:
        level = _HEADINGS.get(element.tag, 0)
        if element.tag in _BLOCKS:
            yield from _closed(text, level if event == "end" else 0)
        if event == "end":
            text.append(_flat(element.tail, element.getparent()))
        elif element.tag == "table" and not element.xpath(_IN_LAYOUT_TABLES):
            yield from _table(element)
            walk.skip_subtree()
        else:
            text.append({"br": "\n", "li": "- "}.get(element.tag, "") + _flat(element.text, element))
    yield from _closed(text, 0)


def _flat(text: str | None, parent: html.HtmlElement | None) -> str:
    keep_lines = parent is not None and (parent.tag == "pre" or next(parent.iterancestors("pre"), None) is not None)
    return text or "" if keep_lines else re.sub(r"\s+", " ", text or "")


def _closed(text: list[str], level: int) -> Iterator[Block]:
    joined = "".join(text).strip()
    text.clear()
    if joined.strip("- "):
        yield Block("heading", " ".join(joined.split()), level=level) if level else Block("text", joined)


def _table(table: html.HtmlElement) -> Iterator[Block]:
    for caption in table.iter("caption"):
        yield from _closed([caption.text_content()], 0)
    rows = [row for row in _rows(table) if any(row)]
    if rows:
        yield Block("table" if max(map(len, rows)) > 1 else "text", "\n".join(" | ".join(row) for row in rows))


def _rows(table: html.HtmlElement) -> Iterator[list[str]]:
    """Cells by row; one that spans rows is repeated in each, so that a row can be understood alone."""
    spanning: dict[int, tuple[int, str]] = {}
    for tr in table.iter("tr"):
        row: list[str] = []
        cells = iter(tr.xpath("./td | ./th"))
        while True:
            left, text = spanning.pop(len(row), (0, ""))
            if not left:
                cell = next(cells, None)
                if cell is None:
                    break
                left, text = _rowspan(cell), " ".join(cell.text_content().replace("|", "/").split())
            if left > 1:
                spanning[len(row)] = (left - 1, text)
            row.append(text)
        yield row


def _rowspan(cell: html.HtmlElement) -> int:
    span = cell.get("rowspan", "1")
    return int(span) if span.isascii() and span.isdigit() and len(span) < 5 else 1

"""Word keeps automatic numbers ("제1조", "①", "가.") apart from the text; here they are counted as Word counts them."""

from collections import defaultdict
from collections.abc import Callable

from docx.document import Document
from docx.oxml.ns import qn
from lxml import etree

_GANADA = "가나다라마바사아자차카타파하"


def _letters(number: int) -> str:
    return chr(ord("a") + (number - 1) % 26) * ((number - 1) // 26 + 1)


def _roman(number: int) -> str:
    values = {50: "l", 40: "xl", 10: "x", 9: "ix", 5: "v", 4: "iv", 1: "i"}
    text = ""
    for value, letters in values.items():
        text += letters * (number // value)
        number %= value
    return text


_FORMATS: dict[str, Callable[[int], str]] = {
    "decimal": str,
    "decimalEnclosedCircle": lambda number: chr(0x2460 + number - 1) if number <= 20 else f"({number})",
    "ganada": lambda number: _GANADA[(number - 1) % len(_GANADA)],
    "lowerLetter": _letters,
    "upperLetter": lambda number: _letters(number).upper(),
    "lowerRoman": _roman,
    "upperRoman": lambda number: _roman(number).upper(),
}


class Numbering:
    """The counters of one document; give it the paragraphs in order (ECMA-376 part 1, 17.9)."""

    def __init__(self, document: Document) -> None:
        self._levels: dict[tuple[str, int], etree._Element] = {}
        self._counts: dict[str, dict[int, int]] = defaultdict(dict)
        self._lists: dict[str, str] = {}
        part = next(
            (rel.target_part for rel in document.part.rels.values() if rel.reltype.endswith("/numbering")), None
        )
        if part is None:
            return
        root = etree.fromstring(part.blob, etree.XMLParser(resolve_entities=False, no_network=True))
        for abstract in root.iter(qn("w:abstractNum")):
            for level in abstract.iter(qn("w:lvl")):
                self._levels[abstract.get(qn("w:abstractNumId"), ""), int(level.get(qn("w:ilvl"), "0"))] = level
        for number in root.iter(qn("w:num")):
            self._lists[number.get(qn("w:numId"), "")] = _value(number, "w:abstractNumId")

    def next_label(self, properties: etree._Element | None) -> str:
        """The label of the next paragraph with these `w:numPr`, with a blank after it; "" where it has none."""
        list_id = "" if properties is None else _value(properties, "w:numId")
        depth = int(_value(properties, "w:ilvl") or 0) if properties is not None else 0
        abstract = self._lists.get(list_id, "")
        level = self._levels.get((abstract, depth))
        if level is None:
            return ""
        counts = self._counts[abstract]
        counts[depth] = counts.get(depth, int(_value(level, "w:start") or 1) - 1) + 1
        for deeper in [at for at in counts if at > depth]:
            del counts[deeper]
        return self._label(abstract, depth, level)

    def _label(self, abstract: str, depth: int, level: etree._Element) -> str:
        if _value(level, "w:numFmt") in ("bullet", "none"):
            return "- " if _value(level, "w:numFmt") == "bullet" else ""
        label = _value(level, "w:lvlText")
        for at in range(depth + 1):
            form = _FORMATS.get(_value(self._levels.get((abstract, at), level), "w:numFmt"), str)
            label = label.replace(f"%{at + 1}", form(max(1, self._counts[abstract].get(at, 1))))
        return label + " " if label else ""


def _value(element: etree._Element, child: str) -> str:
    found = element.find(qn(child))
    return "" if found is None else found.get(qn("w:val"), "")

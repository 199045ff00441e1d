"""How Korean rules are built: articles (제N조) and the chapters, supplements and annexes around them."""

import re

_ARTICLE = re.compile(
    r"제\s*(?P<number>\d{1,4})\s*조(?:\s*의\s*(?P<branch>\d{1,3}))?"
    r"(?:\s*[(（\[【](?P<title>[^()（）\[\]【】\n]{1,40}(?:\([^()\n]*\)[^()（）\[\]【】\n]{0,20})?)[)）\]】](?P<after>.?)|(?P<bare>\s*$|\s+.|\n))",
    re.DOTALL,
)
# "제5조(출장)에 따라", "제5조 및 제6조", "제5조 제2항의": a sentence that mentions an article does not begin one.
_MENTION = re.compile(r"\s*(?:에|의|을|를|과|와|으?로|은|는|가|및|또는|내지|부터|까지|제\s*\d|[,·~])")
_PART = re.compile(r"제\s*(\d+)\s*(편|장|절|관)(?:\s*의\s*(\d+))?(?:\s+(\S.{0,38}))?")
_PART_LEVELS = {"편": 2, "장": 3, "절": 4, "관": 5}
_SUPPLEMENT = re.compile(r"부\s*칙(?:\s*[<(\[〈].{0,40})?")
_ANNEX = re.compile(r"[\[<【〈]\s*(?:별표|별지|별첨|붙임|부록|서식)[^\]>】〉]{0,20}[\]>】〉].{0,60}")
_SUPPLEMENT_LEVEL = 3


def clause_of(text: str) -> str | None:
    """The article that a paragraph begins: "제12조(연차휴가)", "제12조의2", or None. A mere mention is none."""
    match = _ARTICLE.match(text)
    if match is None:
        return None
    glued = match["after"] or ""
    rest = text[match.end() - len(glued) :] if match["title"] else text[match.start("bare") :]
    if _MENTION.match(rest) if match["title"] is None else (not glued.isspace() and _MENTION.match(rest)):
        return None
    branch = f"의{match['branch']}" if match["branch"] else ""
    title = f"({' '.join(match['title'].split())})" if match["title"] else ""
    return f"제{match['number']}조{branch}{title}"


def part_level(line: str) -> int:
    """The heading level of a line like "제2장 휴가", "부칙" or "[별표 1] 경조휴가"; 0 for any other line."""
    if line.endswith((".", "다", ",")):
        return 0
    if part := _PART.fullmatch(line):
        return _PART_LEVELS[part[2]]
    return _SUPPLEMENT_LEVEL if _SUPPLEMENT.fullmatch(line) or _ANNEX.fullmatch(line) else 0

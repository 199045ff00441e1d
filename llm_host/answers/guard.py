"""What may not go in and what may not come out: personal data, attempts at our instructions, foreign links, false citations."""

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlsplit

# Every pattern has bounded parts and starts that cannot overlap, so matching takes linear time.
_PERSONAL: tuple[tuple[str, re.Pattern[str], Callable[[str], bool]], ...] = (
    (
        "이메일",
        re.compile(r"(?<![\w.%+-])[\w.%+-]{1,64}@[A-Za-z0-9-]{1,63}(?:\.[A-Za-z0-9-]{1,63}){1,5}"),
        lambda _: True,
    ),
    ("주민등록번호", re.compile(r"(?<!\d)\d{2}[01]\d[0-3]\d[- ]?[1-8]\d{6}(?!\d)"), lambda _: True),
    ("카드번호", re.compile(r"(?<!\d)\d{4}[- ]?\d{4}[- ]?\d{4}[- ]?\d{3,4}(?!\d)"), lambda _: True),
    (
        "전화번호",
        re.compile(r"(?<!\d)(?:\+82[- ]?\d{1,2}|0\d{1,2})[- .)]{0,2}\d{3,4}[- .]?\d{4}(?!\d)"),
        lambda _: True,
    ),
    (
        "계좌번호",
        re.compile(r"(?<!\d)\d{2,6}-\d{2,6}-\d{2,8}(?:-\d{1,6})?(?!\d)"),
        lambda found: 10 <= sum(character.isdigit() for character in found) <= 16,
    ),
)
_MASK = re.compile(r"\[(?:" + "|".join(label for label, _, _ in _PERSONAL) + r")\]")

_INSTRUCTIONS = (
    "시스템프롬프트",
    "시스템메시지",
    "systemprompt",
    "systemmessage",
    "네프롬프트",
    "너의프롬프트",
    "당신의프롬프트",
    "이전지시",
    "위의지시",
    "앞의지시",
    "모든지시",
    "너의지시",
    "previousinstruction",
    "allinstruction",
    "aboveinstruction",
    "yourinstruction",
)
_ATTEMPTS = (
    "무시",
    "잊",
    "출력",
    "보여",
    "알려",
    "공개",
    "그대로",
    "반복",
    "뭐",
    "무엇",
    "ignore",
    "disregard",
    "forget",
    "reveal",
    "show",
    "print",
    "repeat",
    "what",
)


@dataclass(frozen=True, slots=True)
class Masked:
    """A text without personal data; `kinds` names what was taken out."""

    text: str
    kinds: frozenset[str]

    @property
    def searchable(self) -> str:
        """The text without the labels that stand for what was taken out."""
        return _MASK.sub(" ", self.text)


def mask(text: str) -> Masked:
    """Replaces resident, card, phone and account numbers and e-mail addresses by `[label]` (NFC)."""
    text = unicodedata.normalize("NFC", text)
    kinds: set[str] = set()
    for label, pattern, is_it in _PERSONAL:

        def replaced(match: re.Match[str], label: str = label, is_it: Callable[[str], bool] = is_it) -> str:
            if not is_it(match[0]):
                return match[0]
            kinds.add(label)
            return f"[{label}]"

        text = pattern.sub(replaced, text)
    return Masked(text, frozenset(kinds))


def wants_instructions(question: str) -> bool:
    """Whether somebody tries to see or switch off our own instructions."""
    squeezed = re.sub(r"[\W_]+", "", unicodedata.normalize("NFKC", question).lower())
    return any(words in squeezed for words in _INSTRUCTIONS) and any(words in squeezed for words in _ATTEMPTS)


_CITATION = re.compile(r" ?\[\s*(\d{1,3}(?:\s*,\s*\d{1,3}){0,9})\s*\]")
_LINK = re.compile(r"!?\[([^\[\]]*)\]\(([^()]*(?:\([^()]*\)[^()]*)*)\)")
_URL = re.compile(r"(?:(?:https?|ftp)://|www\.)[^\s<>\"')\]]+", re.IGNORECASE)
_HTML = re.compile(r"</?[A-Za-z!][^<>]*>")
# A citation, a link or a tag that is whole, and what may still become one.
_WHOLE = re.compile(r"\[[^\[\]]*\](?:\([^()]*(?:\([^()]*\)[^()]*)*\)|(?!\(|$))|<[A-Za-z/!][^<>]*>")
_OPEN = re.compile(r"\[|<(?=[A-Za-z/!]|$)")
_DISGUISED_LINK = re.compile(r"\]\((?!https?://)")
LONGEST_WAIT = 800  # characters held back at most, waiting for a bracket that opened to close


class OutputFilter:
    """Lets an answer through as it streams: citations of sources that exist, no HTML, links to allowed hosts only."""

    def __init__(self, numbers: frozenset[int], link_hosts: frozenset[str]) -> None:
        self.cited: list[int] = []
        self._numbers = numbers
        self._link_hosts = link_hosts
        self._held = ""

    def feed(self, piece: str) -> str:
        """What of the answer so far may be shown now."""
        self._held += piece
        safe = _safe_length(self._held)
        ready, self._held = self._held[:safe], self._held[safe:]
        return self._clean(ready)

    def end(self) -> str:
        """The rest."""
        rest, self._held = self._held, ""
        return self._clean(rest)

    def _clean(self, text: str) -> str:
        text = _DISGUISED_LINK.sub("] (", _LINK.sub(self._link, text))
        text = _HTML.sub("", text)
        text = _URL.sub(lambda match: match[0] if self._allowed(match[0]) else "(링크 생략)", text)
        return _CITATION.sub(self._citation, text)

    def _link(self, match: re.Match[str]) -> str:
        if match[0].startswith("!"):
            return ""
        return match[0] if self._allowed(match[2]) else match[1]

    def _allowed(self, url: str) -> bool:
        try:
            return urlsplit(url).scheme in ("http", "https") and urlsplit(url).hostname in self._link_hosts
        except ValueError:
            return False

    def _citation(self, match: re.Match[str]) -> str:
        known = [number for number in map(int, match[1].split(",")) if number in self._numbers]
        self.cited.extend(number for number in known if number not in self.cited)
        blank = " " if known and match[0].startswith(" ") else ""
        return blank + "".join(f"[{number}]" for number in known)


def _safe_length(text: str) -> int:
    """How much of a growing text no later piece can change: up to the last blank outside of brackets."""
    if len(text) > LONGEST_WAIT:
        return len(text)
    outside = _WHOLE.sub(lambda match: "x" * len(match[0]), text)
    opened = _OPEN.search(outside)
    end = opened.start() if opened else len(text)
    return max(outside.rfind(" ", 0, end), outside.rfind("\n", 0, end), 0)

"""Characters nobody sees are removed; those that only serve to hide text are reported."""

import re
import unicodedata

# Tag characters, bidi overrides and isolates, supplementary variation selectors: known carriers of hidden instructions.
_SMUGGLED = re.compile("[\U000e0000-\U000e01ef\u202a-\u202e\u2066-\u2069]")
# Zero-width marks, soft hyphens and controls come in with honest copies; private use holds old Hancom glyphs.
_USELESS = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u034f\u061c\u115f\u1160\u180e\u200b-\u200f\u2060-\u2065\u206a-\u206f"
    "\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff9-\ufffd\ud800-\udfff\ue000-\uf8ff\U000f0000-\U0010ffff]"
)
_SPACES = re.compile("[\t\xa0\u1680\u2000-\u200a\u202f\u205f\u3000 ]+")
_LINE_ENDS = re.compile("\r\n?|\v|\f|\x85|\u2028|\u2029")


def visible(text: str) -> tuple[str, bool]:
    """NFC text without invisible characters, runs of blanks as one; and whether something was hidden in it."""
    hidden = _SMUGGLED.search(text) is not None
    text = _LINE_ENDS.sub("\n", _SMUGGLED.sub("", text))
    text = _SPACES.sub(" ", _USELESS.sub("", text))
    return unicodedata.normalize("NFC", text), hidden

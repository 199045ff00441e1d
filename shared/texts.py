"""What people write, as it is stored: composed (NFC), trimmed, and without characters that nobody sees and that mislead."""

import unicodedata
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator

_DIRECTION_MARKS = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069\ufeff")


def is_visible(text: str) -> bool:
    """Whether a text is free of controls (a line feed is one), direction marks and lone surrogates."""
    return not any(unicodedata.category(each) in ("Cc", "Cs") or each in _DIRECTION_MARKS for each in text)


def _normalized(text: object) -> object:
    """Raises ValueError for what PostgreSQL cannot hold: NUL, half a character."""
    if not isinstance(text, str):
        return text
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a text holds neither NUL nor lone surrogates")
    return unicodedata.normalize("NFC", text).strip()


def _one_line(text: str) -> str:
    if not is_visible(text):
        raise ValueError("one line of visible characters")
    return text


Text = Annotated[str, BeforeValidator(_normalized)]  # of any number of lines; may be empty
Line = Annotated[Text, AfterValidator(_one_line)]  # may be empty

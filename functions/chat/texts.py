"""What people write, as it is stored: composed (NFC), trimmed, and never longer than its column."""

import unicodedata
from typing import Annotated

from pydantic import BeforeValidator, StringConstraints


def normalized(text: object) -> object:
    """A text in NFC without surrounding blanks. Raises ValueError for what PostgreSQL cannot hold: NUL, half a character."""
    if not isinstance(text, str):
        return text
    if "\0" in text or any("\ud800" <= character <= "\udfff" for character in text):
        raise ValueError("a text holds neither NUL nor lone surrogates")
    return unicodedata.normalize("NFC", text).strip()


Title = Annotated[str, BeforeValidator(normalized), StringConstraints(min_length=1, max_length=200)]
QuestionText = Annotated[str, BeforeValidator(normalized), StringConstraints(min_length=1, max_length=4000)]
Comment = Annotated[str, BeforeValidator(normalized), StringConstraints(max_length=500)]
SearchText = Annotated[str, BeforeValidator(normalized), StringConstraints(max_length=200)]

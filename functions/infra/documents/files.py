"""Which files we take: by name, type and size, before a byte is sent."""

import unicodedata

from shared.errors import Problem, too_large, unprocessable
from shared.texts import is_visible

MAX_BYTES = 200 << 20
MAX_NAME_LENGTH = 200

_OFFICE = "application/vnd.openxmlformats-officedocument"
# The first of each is the registered one; the others are what browsers and office programs really say.
_TYPES: dict[str, frozenset[str]] = {
    "pdf": frozenset({"application/pdf"}),
    "docx": frozenset({f"{_OFFICE}.wordprocessingml.document"}),
    "pptx": frozenset({f"{_OFFICE}.presentationml.presentation"}),
    "xlsx": frozenset({f"{_OFFICE}.spreadsheetml.sheet"}),
    "hwpx": frozenset({"application/hwp+zip", "application/vnd.hancom.hwpx", "application/haansofthwpx"}),
    "html": frozenset({"text/html"}),
    "txt": frozenset({"text/plain"}),
    "md": frozenset({"text/markdown", "text/x-markdown"}),
}
_PATH_CHARACTERS = frozenset('/\\:*?"<>|')


def check_filename(name: str) -> str:
    """A file name in its one spelling (NFC). Raises ValueError for a path, a hidden file, or characters no name needs."""
    name = unicodedata.normalize("NFC", name).strip()
    if not 1 <= len(name) <= MAX_NAME_LENGTH:
        raise ValueError(f"a file name has 1 to {MAX_NAME_LENGTH} characters")
    if name.startswith(".") or _PATH_CHARACTERS & set(name) or not is_visible(name):
        raise ValueError("a file name, without a folder")
    return name


def check_type(filename: str, content_type: str) -> str:
    """The content type without parameters. Raises a 415 problem unless we take it and the file name agrees with it."""
    plain = content_type.partition(";")[0].strip().lower()
    stem, _, extension = filename.rpartition(".")
    if not stem or plain not in _TYPES.get(extension.lower(), ()):
        detail = (
            "PDF, DOCX, PPTX, XLSX, HWPX, HTML, TXT, MD 파일만 올릴 수 있습니다. 확장자와 형식이 맞는지 확인해 주세요."
        )
        raise Problem(415, "document.type_unsupported", detail)
    return plain


def check_size(size: int) -> None:
    """Raises a 413 problem for a file that is too large, and a 422 problem for an empty one; `size` is in bytes."""
    if size > MAX_BYTES:
        raise too_large("document.too_large", f"파일은 {MAX_BYTES >> 20} MB까지 올릴 수 있습니다.")
    if size < 1:
        raise unprocessable("document.empty", "빈 파일은 올릴 수 없습니다.")

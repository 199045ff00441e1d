"""What a file is: by its content, then held against what was announced."""

from pathlib import Path
from typing import Literal, get_args

from llm_host.documents.blocks import DocumentError
from llm_host.documents.extract.archive import checked_members

Format = Literal["pdf", "docx", "pptx", "xlsx", "hwpx", "html", "md", "txt"]

_HEAD_BYTES = 8192
_CONTENT_TYPES: dict[str, Format] = {
    "application/pdf": "pdf",
    "application/vnd.openxmlformats-officedocument.wordprocessingml.document": "docx",
    "application/vnd.openxmlformats-officedocument.presentationml.presentation": "pptx",
    "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet": "xlsx",
    "application/hwp+zip": "hwpx",
    "application/haansofthwpx": "hwpx",
    "application/vnd.hancom.hwpx": "hwpx",
    "text/html": "html",
    "application/xhtml+xml": "html",
    "text/markdown": "md",
    "text/x-markdown": "md",
    "text/plain": "txt",
}
_SUFFIXES: dict[str, Format] = {name: name for name in get_args(Format)}
_SUFFIXES |= {"htm": "html", "xhtml": "html", "markdown": "md"}
_MAIN_PARTS: dict[str, Format] = {
    "word/document.xml": "docx",
    "ppt/presentation.xml": "pptx",
    "xl/workbook.xml": "xlsx",
    "Contents/header.xml": "hwpx",
}
_OLE = bytes.fromhex("d0cf11e0a1b11ae1")  # HWP 5, DOC, PPT, XLS, and the office formats under a password
_TEXTS = ("html", "md", "txt")
_HTML_STARTS = (b"<!doctype html", b"<html", b"<head", b"<body")
_UNKNOWN = "지원하지 않는 형식입니다. PDF, DOCX, PPTX, XLSX, HWPX, HTML, TXT, MD 파일로 올려 주세요."
_OLD_OFFICE = "예전 형식의 문서입니다. HWP는 HWPX로, DOC·PPT·XLS는 DOCX·PPTX·XLSX나 PDF로 다시 저장해 올려 주세요."
_ENCRYPTED = "암호가 걸린 문서입니다. 암호를 풀어 다시 저장한 뒤 올려 주세요."
_MISMATCH = "파일의 실제 형식({found})이 알려 온 형식({announced})과 다릅니다. 확장자를 바꾸지 않은 원본을 올려 주세요."


def format_of(path: Path, filename: str, content_type: str) -> Format:
    """The format of a file, from its content; name and content type only decide between kinds of plain text.

    Raises DocumentError `document.type_unknown`, `document.type_mismatch`, `document.encrypted` and what
    `checked_members` raises.
    """
    announced = _announced(filename, content_type)
    found = _found(path)
    if found == "txt":
        found = next((kind for kind in announced if kind in _TEXTS and kind != "txt"), "txt")
    for kind in announced:
        if kind != found and not (kind == "txt" and found == "md"):
            raise DocumentError("document.type_mismatch", _MISMATCH.format(found=found.upper(), announced=kind.upper()))
    return found


def _announced(filename: str, content_type: str) -> list[Format]:
    suffix = Path(filename).suffix.lower().lstrip(".")
    mime = content_type.partition(";")[0].strip().lower()
    known = [_SUFFIXES.get(suffix), _CONTENT_TYPES.get(mime)]
    if not any(known) and (suffix or mime not in ("", "application/octet-stream")):
        raise DocumentError(
            "document.type_unknown", _OLD_OFFICE if suffix in ("hwp", "doc", "ppt", "xls") else _UNKNOWN
        )
    return [kind for kind in known if kind]


def _found(path: Path) -> Format:
    with path.open("rb") as file:
        head = file.read(_HEAD_BYTES)
    if b"%PDF-" in head[:1024]:
        return "pdf"
    if head.startswith(b"PK"):
        return _found_in_zip(path)
    if head.startswith(_OLE):
        raise _refused_ole(path)
    start = head.removeprefix(b"\xef\xbb\xbf").lstrip()[:64].lower()
    if start.startswith(_HTML_STARTS):
        return "html"
    if b"\0" in head and not head.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise DocumentError("document.type_unknown", _UNKNOWN)
    return "txt"


def _found_in_zip(path: Path) -> Format:
    members = checked_members(path)
    for part, kind in _MAIN_PARTS.items():
        if part in members:
            return kind
    raise DocumentError("document.type_unknown", _UNKNOWN)


def _refused_ole(path: Path) -> DocumentError:
    """Office puts a document under a password into a stream of this name (MS-OFFCRYPTO 2.3.4.4)."""
    if "EncryptedPackage".encode("utf-16-le") in path.read_bytes():
        return DocumentError("document.encrypted", _ENCRYPTED)
    return DocumentError("document.type_unknown", _OLD_OFFICE)

"""One file of any supported format to blocks of visible, normalised text."""

from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import cast

from llm_host.documents.blocks import Block, DocumentError, Extracted
from llm_host.documents.extract import limits
from llm_host.documents.extract.characters import visible
from llm_host.documents.extract.kinds import Format, format_of

# Module and function by format: a child process loads only the parser it needs.
_EXTRACTORS: dict[Format, tuple[str, str]] = {
    "pdf": ("pdf", "extract_pdf"),
    "docx": ("docx", "extract_docx"),
    "pptx": ("pptx", "extract_pptx"),
    "xlsx": ("xlsx", "extract_xlsx"),
    "hwpx": ("hwpx", "extract_hwpx"),
    "html": ("html", "extract_html"),
    "md": ("markdown", "extract_markdown"),
    "txt": ("text", "extract_text"),
}
_EMPTY = "빈 파일입니다. 내용이 있는 파일을 올려 주세요."
_NO_TEXT = "글자가 하나도 없는 문서입니다. 글이 들어 있는 문서를 올려 주세요."
_TOO_LARGE = (
    f"문서가 너무 큽니다({limits.MAX_FILE_BYTES >> 20}MB, {limits.MAX_CHARACTERS:,}자까지). 문서를 나누어 올려 주세요."
)


def extract(path: Path, filename: str, content_type: str) -> Extracted:
    """The blocks of the file at `path`, by what it is and not by what it is called.

    Runs parsers on foreign data in this process: a host calls `run_isolated` instead.
    Raises DocumentError with one of document.empty, .type_unknown, .type_mismatch, .encrypted, .scanned, .corrupt,
    .too_large, .undecodable, .no_text.
    """
    size = path.stat().st_size
    if size == 0:
        raise DocumentError("document.empty", _EMPTY)
    if size > limits.MAX_FILE_BYTES:
        raise DocumentError("document.too_large", _TOO_LARGE)
    module, name = _EXTRACTORS[format_of(path, filename, content_type)]
    extractor = cast(
        "Callable[[Path], Extracted]", getattr(import_module(f"llm_host.documents.extract.{module}"), name)
    )
    return _normalised(extractor(path))


def _normalised(extracted: Extracted) -> Extracted:
    blocks: list[Block] = []
    warnings = set(extracted.warnings)
    for block in extracted.blocks:
        text, hidden = visible(block.text)
        if hidden:
            warnings.add("invisible_characters")
        if text.strip():
            blocks.append(replace(block, text=text.strip()))
    if not any(char.isalnum() for block in blocks for char in block.text):
        raise DocumentError("document.no_text", _NO_TEXT)
    if sum(len(block.text) for block in blocks) > limits.MAX_CHARACTERS:
        raise DocumentError("document.too_large", _TOO_LARGE)
    return replace(extracted, blocks=tuple(blocks), warnings=tuple(sorted(warnings)))

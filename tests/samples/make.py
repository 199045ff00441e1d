"""Renders every sample source into its format and lists the results: `python -m tests.samples.make`."""

import json
import sys
from collections.abc import Callable
from pathlib import Path

from tests.samples.source import Source, read_source
from tests.samples.to_docx import to_docx
from tests.samples.to_hwpx import to_hwpx
from tests.samples.to_pdf import to_pdf
from tests.samples.to_pptx import to_pptx
from tests.samples.to_text import to_html, to_md, to_txt
from tests.samples.to_xlsx import to_xlsx

HERE = Path(__file__).parent
OFFICE = "application/vnd.openxmlformats-officedocument"
FORMATS: dict[str, tuple[str, Callable[[Source], bytes]]] = {
    ".pdf": ("application/pdf", to_pdf),
    ".docx": (f"{OFFICE}.wordprocessingml.document", to_docx),
    ".pptx": (f"{OFFICE}.presentationml.presentation", to_pptx),
    ".xlsx": (f"{OFFICE}.spreadsheetml.sheet", to_xlsx),
    ".hwpx": ("application/hwp+zip", to_hwpx),
    ".html": ("text/html", to_html),
    ".md": ("text/markdown", to_md),
    ".txt": ("text/plain", to_txt),
}


def sources() -> list[Source]:
    """Every sample, in the order of its source's file name."""
    return [read_source(path) for path in sorted((HERE / "sources").glob("*.md"))]


def render(source: Source) -> bytes:
    """The document's bytes; the same on every run. Raises FileNotFoundError where a PDF lacks its font."""
    return FORMATS[source.suffix][1](source)


def catalogue(samples: list[Source]) -> list[dict[str, object]]:
    """What the demo and the tests must know of each document to register it."""
    return [
        {
            "file": sample.file,
            "title": sample.title,
            "domain": sample.domain,
            "departments": sample.departments,
            "content_type": FORMATS[sample.suffix][0],
        }
        for sample in samples
    ]


def main() -> None:
    """Writes the documents and catalogue.json next to this file."""
    samples = sources()
    for sample in samples:
        (HERE / sample.file).write_bytes(render(sample))
    listed = json.dumps(catalogue(samples), ensure_ascii=False, indent=2)
    (HERE / "catalogue.json").write_text(listed + "\n", encoding="utf-8")


if __name__ == "__main__":
    try:
        main()
    except FileNotFoundError as missing:
        sys.exit(str(missing))

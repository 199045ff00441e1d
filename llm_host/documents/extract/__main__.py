"""The child of `run_isolated`: limits itself, extracts, answers JSON on standard output."""

import logging
import os
import resource
import signal
import sys
from pathlib import Path

from llm_host.documents.blocks import DocumentError, Extracted
from llm_host.documents.extract import limits
from llm_host.documents.extract.document import extract
from llm_host.documents.extract.isolated import TOO_COMPLEX, encoded


def main() -> None:
    path, filename, content_type, seconds, memory_bytes = sys.argv[1:]
    answer = os.dup(1)
    os.dup2(2, 1)  # what a parser prints must not mix with the answer
    _limit(int(seconds), int(memory_bytes))
    with os.fdopen(answer, "wb") as out:
        out.write(encoded(_result(Path(path), filename, content_type)))


def _limit(seconds: int, memory_bytes: int) -> None:
    """CPU time, address space, file size and core dumps; the alarm ends a child whose parent has died."""
    for what, limit in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, seconds + 1),
        (resource.RLIMIT_FSIZE, limits.MAX_RESULT_BYTES),
        (resource.RLIMIT_CORE, 0),
    ):
        resource.setrlimit(what, (limit, limit))
    signal.alarm(seconds + 1)


def _result(path: Path, filename: str, content_type: str) -> Extracted | DocumentError:
    try:
        return extract(path, filename, content_type)
    except DocumentError as error:
        return error
    except (MemoryError, RecursionError):
        return DocumentError("document.too_complex", TOO_COMPLEX)
    except Exception:  # the edge of the process: whatever a parser raises on a bad file
        logging.exception("the parser failed")
        sys.exit(1)


if __name__ == "__main__":
    main()

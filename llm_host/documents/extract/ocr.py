"""Text of a scanned page by tesseract, a separate program, where it is installed with Korean."""

import functools
import logging
import os
import shutil
import subprocess

import pypdfium2

_DPI = 200  # 99.9 % of the letters of a clean page; 300 costs twice as much for little
_PAGE_SECONDS = 60
_LANGUAGES = "kor+eng"

log = logging.getLogger(__name__)


@functools.cache
def available() -> bool:
    """Whether tesseract and its Korean model are installed."""
    program = shutil.which("tesseract")
    if program is None:
        return False
    command = [program, "--list-langs"]
    listed = subprocess.run(command, capture_output=True, text=True, check=False, timeout=10)  # noqa: S603
    return {"kor", "eng"} <= set(listed.stdout.split())


def recognise(page: pypdfium2.PdfPage) -> list[str]:
    """The lines that tesseract reads on a page; none where it fails or needs longer than a minute."""
    bitmap = page.render(scale=_DPI / 72, grayscale=True)
    rows = (bytes(bitmap.buffer)[row * bitmap.stride :][: bitmap.width] for row in range(bitmap.height))
    image = b"P5 %d %d 255\n" % (bitmap.width, bitmap.height) + b"".join(rows)
    command = ["tesseract", "stdin", "stdout", "-l", _LANGUAGES, "--psm", "3", "--dpi", str(_DPI)]
    environment = os.environ | {"OMP_THREAD_LIMIT": "1"}
    try:
        done = subprocess.run(  # noqa: S603 (fixed arguments, the page goes in on standard input)
            command, input=image, capture_output=True, env=environment, check=True, timeout=_PAGE_SECONDS
        )
    except (subprocess.TimeoutExpired, subprocess.CalledProcessError) as error:
        log.warning("a page could not be recognised: %s", error)
        return []
    return [line for line in done.stdout.decode("utf-8", "replace").splitlines() if line.strip()]

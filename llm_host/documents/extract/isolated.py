"""Extraction in a child process with limits: a bomb, a crash or an endless parser harms only the child."""

import json
import logging
import math
import os
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import IO

from llm_host.documents.blocks import Block, DocumentError, Extracted

_ROOT = Path(__file__).parents[3]
_CORRUPT = "파일을 읽는 프로그램이 멈추었습니다. 파일이 손상되었을 수 있으니 다시 저장하거나 PDF로 바꾸어 올려 주세요."
TOO_COMPLEX = (
    "문서가 너무 복잡해서 정해진 시간과 메모리 안에 읽지 못했습니다. 문서를 나누거나 단순하게 만들어 올려 주세요."
)
# How a limit ends a process: the clock, CPU time, memory (the kernel's killer; abort() after a failed allocation).
_SIGNALS_OF_LIMITS = frozenset((signal.SIGALRM, signal.SIGXCPU, signal.SIGKILL, signal.SIGABRT, signal.SIGXFSZ))

log = logging.getLogger(__name__)


def run_isolated(path: Path, filename: str, content_type: str, timeout_s: float, memory_bytes: int) -> Extracted:
    """`extract` in a child with a deadline and a limit on its address space; it inherits no environment, so no secrets.

    Raises what `extract` raises, `document.too_complex` where a limit ended the child, and `document.corrupt`
    where it crashed. Blocks; call it from a thread.
    """
    command = [sys.executable, "-m", "llm_host.documents.extract", str(path.absolute()), filename, content_type]
    command += [str(math.ceil(timeout_s)), str(memory_bytes)]
    environment = {"PATH": os.environ.get("PATH", os.defpath), "PYTHONPATH": str(_ROOT), "PYTHONUTF8": "1"}
    with tempfile.TemporaryFile() as answer, tempfile.TemporaryFile() as complaints:
        with subprocess.Popen(  # noqa: S603 (our own interpreter and module)
            command,
            stdin=subprocess.DEVNULL,
            stdout=answer,
            stderr=complaints,
            env=environment,
            cwd=_ROOT,
            start_new_session=True,
        ) as child:
            code = _wait(child, timeout_s)
        if code != 0:
            raise _failure(code, complaints)
        answer.seek(0)
        return _decoded(answer.read())


def _wait(child: subprocess.Popen[bytes], timeout_s: float) -> int:
    """The exit status; at the deadline, and on any way out of here, the child and what it started are killed."""
    try:
        return child.wait(timeout_s)
    except subprocess.TimeoutExpired:
        return -signal.SIGALRM
    finally:
        _kill_group(child.pid)


def _kill_group(leader: int) -> None:
    try:
        os.killpg(leader, signal.SIGKILL)
    except ProcessLookupError:
        return


def _failure(code: int, complaints: IO[bytes]) -> DocumentError:
    complaints.seek(0)
    log.warning("extraction ended with %d: %s", code, complaints.read()[-2000:].decode("utf-8", "replace"))
    if -code in _SIGNALS_OF_LIMITS:
        return DocumentError("document.too_complex", TOO_COMPLEX)
    return DocumentError("document.corrupt", _CORRUPT)


def encoded(result: Extracted | DocumentError) -> bytes:
    """The child's answer: JSON."""
    if isinstance(result, DocumentError):
        return json.dumps({"code": result.code, "reason": result.reason}).encode()
    blocks = [[block.kind, block.text, block.page, block.level] for block in result.blocks]
    answer = {"blocks": blocks, "pages": result.pages, "warnings": result.warnings}
    return json.dumps(answer, ensure_ascii=False).encode()


def _decoded(answer: bytes) -> Extracted:
    try:
        result = json.loads(answer)
    except ValueError as error:
        raise DocumentError("document.corrupt", _CORRUPT) from error
    if "code" in result:
        raise DocumentError(result["code"], result["reason"])
    blocks = tuple(Block(kind, text, page, level) for kind, text, page, level in result["blocks"])
    return Extracted(blocks, result["pages"], tuple(result["warnings"]))

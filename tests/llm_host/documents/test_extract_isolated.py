"""Extraction in a child: the same result, and no file can take the host down with it."""

import os
from pathlib import Path

import pytest

from llm_host.documents.blocks import DocumentError
from llm_host.documents.extract.document import extract
from llm_host.documents.extract.isolated import run_isolated
from tests.llm_host.documents import hostile

MEMORY = 1 << 30
SECONDS = 60


def _code(path: Path, seconds: float = SECONDS, memory: int = MEMORY) -> str:
    with pytest.raises(DocumentError) as caught:
        run_isolated(path, path.name, "", seconds, memory)
    return caught.value.code


def test_the_child_gives_what_extract_gives(tmp_path: Path) -> None:
    path = hostile.pdf(tmp_path / "이름 있는 파일.pdf", [[(20, "규정"), "첫 쪽의 글입니다."], ["둘째 쪽 “인용” \\ 글"]])
    assert run_isolated(path, path.name, "application/pdf", SECONDS, MEMORY) == extract(path, path.name, "")


def test_a_refusal_crosses_the_process_with_code_and_reason(tmp_path: Path) -> None:
    with pytest.raises(DocumentError) as caught:
        run_isolated(hostile.encrypted_pdf(tmp_path / "a.pdf"), "a.pdf", "", SECONDS, MEMORY)
    assert caught.value.code == "document.encrypted"
    assert "암호" in caught.value.reason


def test_a_child_that_passes_its_deadline_is_ended(tmp_path: Path) -> None:
    path = hostile.pdf(tmp_path / "a.pdf", [["글입니다."]])
    assert _code(path, seconds=0.01) == "document.too_complex"


def test_a_sheet_that_asks_for_too_much_memory_harms_only_the_child(tmp_path: Path) -> None:
    assert _code(hostile.far_cell_xlsx(tmp_path / "a.xlsx"), memory=MEMORY // 2) == "document.too_complex"


def test_files_cut_off_anywhere_never_get_past_a_refusal(tmp_path: Path) -> None:
    whole = [
        hostile.pdf(tmp_path / "a.pdf", [["글입니다. " * 5] * 30] * 3),
        hostile.word(tmp_path / "a.docx", lambda document: document.add_paragraph("글입니다. " * 50)),
        hostile.hwpx(tmp_path / "a.hwpx", hostile.hwpx_paragraph("글입니다. " * 50)),
    ]
    for path in whole:
        data = path.read_bytes()
        for share in (0.3, 0.95):
            path.write_bytes(data[: int(len(data) * share)])
            assert _code(path) in ("document.corrupt", "document.no_text"), (path.name, share)


def test_the_child_sees_no_secret_of_its_parent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program = tmp_path / "tesseract"
    program.write_text(
        f'#!/bin/sh\n[ "$1" = --list-langs ] && echo kor eng\nenv > {tmp_path}/seen\necho 읽은 글입니다\n'
    )
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("LLM_HOST_TOKEN", "very-secret")
    path = hostile.scanned_pdf(tmp_path / "a.pdf", "a picture")
    run_isolated(path, "a.pdf", "", SECONDS, MEMORY)
    assert "OMP_THREAD_LIMIT=1" in (tmp_path / "seen").read_text()
    assert "very-secret" not in (tmp_path / "seen").read_text()

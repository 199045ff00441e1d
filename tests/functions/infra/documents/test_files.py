"""Which files are taken, before a byte is sent."""

import unicodedata

import pytest

from functions.infra.documents.files import check_filename, check_type
from shared.errors import Problem

WORD = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"


def test_a_name_has_one_spelling_whatever_system_it_comes_from() -> None:
    assert check_filename(unicodedata.normalize("NFD", " 취업규칙.pdf ")) == "취업규칙.pdf"


@pytest.mark.parametrize(
    "name",
    [
        "",
        " ",
        "../취업규칙.pdf",
        "/etc/passwd",
        "a\\b.pdf",
        "C:a.pdf",
        ".pdf",
        "..",
        "a\0.pdf",
        "a\n.pdf",
        "\u202efdp.exe",
        "\ud800.pdf",
        "가" * 201 + ".pdf",
    ],
)
def test_a_path_or_a_name_that_misleads_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="file name"):
        check_filename(name)


@pytest.mark.parametrize(
    ("name", "content_type", "stored"),
    [
        ("규정.docx", WORD, WORD),
        ("규정.PDF", "Application/PDF", "application/pdf"),
        ("규정.hwpx", "application/haansofthwpx", "application/haansofthwpx"),
        ("규정.md", "text/markdown; charset=utf-8", "text/markdown"),
    ],
)
def test_a_type_that_agrees_with_its_name_is_taken_without_its_parameters(
    name: str, content_type: str, stored: str
) -> None:
    assert check_type(name, content_type) == stored


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("규정.pdf", "text/html"),
        ("규정.exe", "application/pdf"),
        ("규정.pdf.exe", "application/pdf"),
        ("규정", "application/pdf"),
        ("pdf", "application/pdf"),
        ("규정.hwp", "application/x-hwp"),
        ("규정.docx", "application/octet-stream"),
    ],
)
def test_a_type_that_is_not_taken_or_does_not_agree_is_unsupported(name: str, content_type: str) -> None:
    with pytest.raises(Problem) as refused:
        check_type(name, content_type)
    assert (refused.value.status, refused.value.code) == (415, "document.type_unsupported")

"""The committed samples are what their sources say, and the questions can be answered from them."""

import json
import re
from pathlib import Path
from typing import Any

import pypdfium2
import pytest

from tests.samples.frozen_zip import unpack
from tests.samples.make import HERE, catalogue, render, sources
from tests.samples.source import Source
from tests.samples.to_pdf import FONTS

SAMPLES = sources()
QUESTIONS: list[dict[str, Any]] = json.loads((HERE / "questions.json").read_text(encoding="utf-8"))
MADE_BY_HAND = {"questions.json", "catalogue.json"}
with_font = pytest.mark.skipif(
    not all(path.exists() for path in FONTS.values()), reason="the Debian package fonts-nanum is not installed"
)
EVERY_SAMPLE = pytest.mark.parametrize(
    "sample",
    [pytest.param(sample, id=sample.file, marks=with_font if sample.suffix == ".pdf" else ()) for sample in SAMPLES],
)


def contents(suffix: str, data: bytes) -> object:
    """What must agree even where another zlib compresses differently."""
    if suffix in (".docx", ".pptx", ".xlsx", ".hwpx"):
        return unpack(data)
    return pdf_pages(data) if suffix == ".pdf" else data


def pdf_pages(data: bytes) -> list[str]:
    return [page.get_textpage().get_text_bounded() for page in pypdfium2.PdfDocument(data)]


def clause_of(sample: Source, clause: str) -> str:
    """The text of one clause, up to the next heading; an addendum may count its clauses from 1 again."""
    found = re.search(rf"^### {clause}\(.*?(?=^##|\Z)", sample.body, re.MULTILINE | re.DOTALL)
    assert found is not None, f"{sample.file} has no {clause}"
    return found.group()


@EVERY_SAMPLE
def test_a_committed_document_is_what_its_source_says(sample: Source) -> None:
    committed = (HERE / sample.file).read_bytes()
    assert contents(sample.suffix, committed) == contents(sample.suffix, render(sample))


@EVERY_SAMPLE
def test_rendering_twice_gives_the_same_bytes(sample: Source) -> None:
    assert render(sample) == render(sample)


def test_the_catalogue_lists_exactly_the_documents_that_are_there() -> None:
    listed = json.loads((HERE / "catalogue.json").read_text(encoding="utf-8"))
    assert listed == catalogue(SAMPLES)
    there = {path.name for path in HERE.iterdir() if path.is_file() and path.suffix != ".py"}
    assert there - MADE_BY_HAND == {entry["file"] for entry in listed}


def test_every_question_is_answered_where_it_says() -> None:
    by_file = {sample.file: sample for sample in SAMPLES}
    for question in filter(lambda question: question["document"], QUESTIONS):
        sample = by_file[question["document"]]
        text = clause_of(sample, question["clause"]) if question["clause"] else sample.body
        missing = [string for string in question["expect"] if string not in text]
        assert not missing, f"{question['question']}: {missing}"


def test_a_pdf_question_names_the_page_its_answer_stands_on() -> None:
    asked = [question for question in QUESTIONS if (question["document"] or "").endswith(".pdf")]
    for question in asked:
        page = pdf_pages((HERE / question["document"]).read_bytes())[question["page"] - 1]
        assert all(string in page for string in question["expect"]), question["question"]


def test_only_who_may_read_a_document_is_asked_about_it() -> None:
    departments = {sample.file: sample.departments for sample in SAMPLES}
    for question in filter(lambda question: question["document"], QUESTIONS):
        allowed = departments[question["document"]]
        assert question["department"] in allowed if allowed else question["department"] is None


def test_the_demo_asks_of_three_documents_in_three_formats() -> None:
    assert [Path(question["document"]).suffix for question in QUESTIONS[:3]] == [".pdf", ".hwpx", ".docx"]

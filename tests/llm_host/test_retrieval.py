"""Retrieval, evidence and answers measured on the sample documents, with the builtin engine."""

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.llm_host.conftest import run_host
from tests.llm_host.standins import Host, activate, ask, search, upload
from tests.samples.make import catalogue, render, sources

QUESTIONS: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "samples" / "questions.json").read_text(encoding="utf-8")
)
ANSWERABLE = [each for each in QUESTIONS if each["document"]]
UNANSWERABLE = [each for each in QUESTIONS if not each["document"]]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Host]:
    """A host that knows all sample documents."""
    for host in run_host(tmp_path_factory.mktemp("library") / "data"):
        samples = sources()
        given = []
        for sample, listed in zip(samples, catalogue(samples), strict=True):
            fields = {name: listed[name] for name in ("title", "domain", "departments", "content_type")}
            given.append(upload(host, render(sample), filename=sample.file, **fields))
        for uploaded in given:
            activate(host, uploaded.version_id)
        yield host


def says(text: str, facts: list[str]) -> bool:
    """Whether a text has one of the facts, blanks aside."""
    squeezed = re.sub(r"\s", "", text)
    return any(re.sub(r"\s", "", fact) in squeezed for fact in facts)


def test_the_right_passage_is_among_the_first_five(library: Host) -> None:
    """Measured: 62 of 72."""
    found = sum(
        any(
            says(passage["text"], each["expect"])
            for passage in search(library, each["question"], each["department"], limit=5)
        )
        for each in ANSWERABLE
    )
    assert found / len(ANSWERABLE) >= 0.8


def test_most_of_what_the_documents_answer_is_answered_with_the_fact(library: Host) -> None:
    """Measured: evidence for 57 of 72, the fact itself in 41 answers."""
    answers = [(ask(library, each["question"], department=each["department"]), each["expect"]) for each in ANSWERABLE]
    assert sum(bool(answer["sources"]) for answer, _ in answers) / len(answers) >= 0.7
    assert sum(says(answer["text"], facts) for answer, facts in answers) / len(answers) >= 0.5


def test_most_of_what_the_documents_do_not_answer_is_refused(library: Host) -> None:
    """Measured: 6 of 8; the other two ask for a detail that is missing from a topic that is there."""
    refused = sum(not ask(library, each["question"])["sources"] for each in UNANSWERABLE)
    assert refused >= 5


def test_every_citation_is_a_source_that_has_the_sentence(library: Host) -> None:
    for each in ANSWERABLE[:20]:
        answer = ask(library, each["question"], department=each["department"])
        texts = {passage["number"]: passage["text"] for passage in answer["sources"]}
        for sentence, number in re.findall(r"^- (.+) \[(\d+)\]$", answer["text"], re.MULTILINE):
            assert sentence in texts[int(number)]


def test_nobody_else_sees_what_is_for_one_department(library: Host) -> None:
    restricted = [each for each in ANSWERABLE if each["department"]]
    assert restricted
    for each in restricted:
        for department in (None, "영업팀"):
            titles = {passage["title"] for passage in search(library, each["question"], department)}
            assert "인사평가 및 승진 운영 지침" not in titles

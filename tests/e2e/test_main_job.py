"""The main job on the whole platform: a document goes in, a grounded answer comes out."""

import hashlib
import json
from collections.abc import Iterator

import pytest

from tests.e2e.platform import AUTHOR, EMPLOYEE, SAMPLES, LocalPlatform, Version, running_platform
from tests.functions.client import Person
from tests.processes import until

LEAVE, PERSONAL_DATA, SECURITY = "취업규칙_휴가규정.pdf", "개인정보_처리지침.hwpx", "정보보안규정.docx"
ONLY_HR = "인사평가_승진_운영지침.docx"
QUESTIONS = json.loads((SAMPLES / "questions.json").read_text())


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform for this module."""
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        yield running


@pytest.fixture(scope="module")
def published(platform: LocalPlatform) -> dict[str, Version]:
    """Four documents in three formats, published; nobody has called `complete`: S3 alone has announced them."""
    versions = {file: platform.upload(file) for file in (LEAVE, PERSONAL_DATA, SECURITY, ONLY_HR)}
    for version in versions.values():
        platform.publish(version)
    return versions


def passages(platform: LocalPlatform, answer: dict) -> str:
    """The text of every passage that an answer stands on, as infra has stored it, without white space."""
    return "".join("".join(platform.passage(source).split()) for source in answer["sources"])


@pytest.mark.parametrize("question", QUESTIONS[:3], ids=lambda question: question["document"])
def test_a_question_is_answered_from_passages_that_contain_the_answer(
    platform: LocalPlatform, published: dict[str, Version], question: dict
) -> None:
    answer = platform.answer(question["question"])
    assert answer["state"] == "DONE"
    assert answer["meta"]["grounded"] is True
    assert answer["meta"]["engine"] == "builtin"
    stored = passages(platform, answer)
    assert all("".join(expected.split()) in stored for expected in question["expect"])
    cited = {source["document_id"] for source in answer["sources"]}
    assert published[question["document"]].document_id in cited


def test_a_source_says_where_it_stands(platform: LocalPlatform, published: dict[str, Version]) -> None:
    question = next(each for each in QUESTIONS if each["document"] == LEAVE and each["clause"] and each["page"])
    sources = platform.answer(question["question"])["sources"]
    assert any(
        str(source["clause"]).startswith(question["clause"]) and source["page"] == question["page"]
        for source in sources
    )


def test_what_nobody_has_written_down_is_not_made_up(platform: LocalPlatform, published: dict[str, Version]) -> None:
    answer = platform.answer("사내 수영장 이용 요금은 얼마인가요?")
    assert answer["state"] == "DONE"
    assert answer["meta"]["grounded"] is False
    assert answer["sources"] == []
    assert "찾지 못했습니다" in answer["content"]


def test_a_document_for_one_department_answers_nobody_else(
    platform: LocalPlatform, published: dict[str, Version]
) -> None:
    question = next(each for each in QUESTIONS if each["document"] == ONLY_HR)["question"]
    secret = published[ONLY_HR].document_id
    insider = platform.answer(question, Person(department="인사팀"))
    outsider = platform.answer(question, Person(department="개발팀"))
    assert secret in {source["document_id"] for source in insider["sources"]}
    assert secret not in {source["document_id"] for source in outsider["sources"]}
    assert platform.http.get(f"/api/infra/documents/{secret}", headers=EMPLOYEE.headers).status_code == 404


def test_a_follow_up_is_understood_from_what_was_asked_before(
    platform: LocalPlatform, published: dict[str, Version]
) -> None:
    session = platform.session()
    platform.ask("연차휴가는 며칠 주어지나요?", session=session)
    follow_up = platform.ask("그럼 다음 해로 이월할 수 있나요?", session=session).json()["answers"][-1]
    assert published[LEAVE].document_id in {source["document_id"] for source in follow_up["sources"]}


def test_a_session_gets_its_title_from_its_first_turn(platform: LocalPlatform, published: dict[str, Version]) -> None:
    session = platform.session()
    platform.ask("연차휴가는 며칠 주어지나요?", session=session)

    def titled() -> bool:
        found = platform.http.get(f"/api/chat/sessions/{session}", headers=EMPLOYEE.headers).json()
        return not found["title"].startswith("새 채팅")

    until(titled)


def test_a_new_version_takes_the_place_of_the_old_one(platform: LocalPlatform) -> None:
    first = "# 주차장 이용 안내\n\n지하 주차장은 평일 오전 7시에 문을 열고 밤 11시에 문을 닫습니다.".encode()
    second = "# 주차장 이용 안내\n\n지하 주차장은 평일 오전 5시에 문을 열고 밤 9시에 문을 닫습니다.".encode()
    file = "신규입사자_안내.md"
    old = platform.upload(file, first, title="주차장 이용 안내")
    platform.publish(old)
    assert "7시" in platform.answer("지하 주차장은 몇 시에 문을 여나요?")["content"]
    new = add_version(platform, old, second)
    platform.publish(new)
    answer = platform.answer("지하 주차장은 몇 시에 문을 여나요?")
    assert "5시" in answer["content"]
    assert {source["version"] for source in answer["sources"] if source["document_id"] == new.document_id} == {2}
    assert platform.version(old)["review_state"] == "ARCHIVED"


def test_a_deleted_document_is_never_found_again(platform: LocalPlatform) -> None:
    content = "# 옥상 정원\n\n옥상 정원의 텃밭 분양은 매년 3월 둘째 주 수요일에 추첨으로 정합니다.".encode()
    version = platform.upload("신규입사자_안내.md", content, title="옥상 정원 안내")
    platform.publish(version)
    question = "옥상 정원 텃밭은 어떻게 분양하나요?"
    assert "추첨" in platform.answer(question)["content"]
    path = f"/api/infra/documents/{version.document_id}"
    assert platform.http.delete(path, headers=AUTHOR.headers).status_code == 204
    assert platform.http.get(path, headers=AUTHOR.headers).status_code == 404

    def forgotten() -> bool:
        sources = platform.answer(question)["sources"]
        return version.document_id not in {source["document_id"] for source in sources}

    until(forgotten)


def test_functions_go_back_to_zero_and_answer_again(platform: LocalPlatform, published: dict[str, Version]) -> None:
    def all_at_zero() -> bool:
        return {function["state"] for function in platform.status()["functions"]} == {"zero"}

    until(all_at_zero, 90)
    assert platform.answer(QUESTIONS[0]["question"])["state"] == "DONE"
    function = platform.function("chat-messages")
    assert function["cold_start_ms"] > 0
    assert function["crashes"] == 0


def add_version(platform: LocalPlatform, version: Version, content: bytes) -> Version:
    """A further version of a document, uploaded."""
    body = {"filename": "안내.md", "content_type": "text/markdown", "size": len(content)}
    body["sha256"] = hashlib.sha256(content).hexdigest()
    path = f"/api/infra/documents/{version.document_id}/versions"
    answer = platform.http.post(path, json=body, headers=AUTHOR.headers)
    assert answer.status_code == 201, answer.text
    platform.put(answer.json()["upload"], content)
    return Version(version.document_id, answer.json()["version"]["number"])

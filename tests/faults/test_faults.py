"""What happens when parts of the platform die: nothing that was promised is lost."""

import hashlib
import signal
from collections.abc import Iterator

import pytest

from tests.e2e.platform import EMPLOYEE, LocalPlatform, running_platform
from tests.processes import until

LEAVE, TRAVEL, SECURITY = "취업규칙_휴가규정.pdf", "출장_여비규정.pdf", "정보보안규정.docx"
QUESTION = "연차휴가는 며칠 주어지나요?"


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalPlatform]:
    """A platform for this module, with one document to answer from."""
    with running_platform(tmp_path_factory.mktemp("platform")) as running:
        running.publish(running.upload(LEAVE))
        yield running


def test_a_document_that_arrives_while_the_llm_host_is_down_is_processed_when_it_is_back(
    platform: LocalPlatform,
) -> None:
    platform.kill_llm_host()
    version = platform.upload(TRAVEL)
    platform.publish(version)


def test_an_llm_host_killed_in_the_middle_of_processing_goes_on(platform: LocalPlatform) -> None:
    version = platform.upload(SECURITY)
    until(lambda: platform.version(version)["processing_state"] == "PROCESSING")
    platform.kill_llm_host()
    detail = platform.wait_until_processed(version)
    assert (detail["processing_state"], detail["failure_code"]) == ("READY", None)
    chunks = platform.http.get(f"{version.path}/chunks?limit=100", headers=EMPLOYEE.headers)
    assert chunks.status_code == 404
    platform.publish(version)


def test_a_question_while_the_llm_host_is_down_is_kept_and_can_be_asked_again(platform: LocalPlatform) -> None:
    session = platform.session()
    platform.kill_llm_host()
    failed = platform.ask(QUESTION, session=session)
    assert failed.status_code == 503
    assert failed.headers["content-type"] == "application/problem+json"
    assert int(failed.headers["retry-after"]) > 0
    turn = newest_turn(platform, session)
    assert turn["answer"]["state"] == "FAILED"

    def retried() -> bool:
        answer = platform.http.post(f"/api/chat/messages/{turn['id']}/retry", headers=EMPLOYEE.headers)
        return answer.status_code == 200

    until(retried, 90)
    assert newest_turn(platform, session)["answer"]["state"] == "DONE"


def test_a_platform_that_is_killed_while_a_document_is_processed_finishes_it_after_a_restart(
    platform: LocalPlatform,
) -> None:
    version = platform.upload("개인정보_처리지침.hwpx")
    platform.stop(signal.SIGKILL)
    until(lambda: not platform.processes())
    platform.start()
    platform.publish(version)
    assert platform.answer(QUESTION)["meta"]["grounded"] is True


def test_a_bad_file_fails_with_a_reason_that_helps(platform: LocalPlatform) -> None:
    version = platform.upload("개인정보_처리지침.hwpx", b"PK\x03\x04 this is no archive at all")
    detail = platform.wait_until_processed(version)
    assert (detail["processing_state"], detail["failure_code"]) == ("FAILED", "document.corrupt")
    assert "파일" in detail["failure_reason"]


def test_what_is_put_instead_of_the_announced_file_is_not_processed(platform: LocalPlatform) -> None:
    content = "# 안내\n\n진짜 내용입니다.".encode()
    other = "# 안내\n\n다른 내용입니다.".encode()
    assert len(content) == len(other)
    version = platform.upload("신규입사자_안내.md", other, sha256=hashlib.sha256(content).hexdigest())
    detail = platform.wait_until_processed(version)
    assert (detail["processing_state"], detail["failure_code"]) == ("FAILED", "document.checksum_mismatch")


def newest_turn(platform: LocalPlatform, session: str) -> dict:
    """The newest turn of a conversation."""
    history = platform.http.get(f"/api/chat/sessions/{session}/messages", headers=EMPLOYEE.headers).json()
    return history["items"][0]

"""A conversation as a file that people keep: questions, answers, and sources as footnotes."""

from typing import Any
from urllib.parse import quote

from tests.functions.chat.data import SESSIONS, ask, asked, new_session
from tests.functions.chat.host import LlmHostDouble
from tests.functions.client import FunctionClient, Person


async def exported(sessions: FunctionClient, person: Person, session: dict[str, Any]) -> str:
    """The conversation as Markdown."""
    answer = await sessions.http.get(f"{SESSIONS}/{session['id']}/export", headers=person.headers)
    assert answer.status_code == 200
    return answer.text


async def test_an_export_is_a_markdown_file_with_its_korean_name(sessions: FunctionClient, person: Person) -> None:
    session = await new_session(sessions, person, '휴가/병가 "문의"')
    answer = await sessions.http.get(f"{SESSIONS}/{session['id']}/export", headers=person.headers)
    assert answer.headers["content-type"] == "text/markdown; charset=utf-8"
    name = quote("휴가_병가 _문의_.md", safe="")
    assert answer.headers["content-disposition"] == f"attachment; filename=\"conversation.md\"; filename*=UTF-8''{name}"
    assert answer.text.startswith('# 휴가/병가 "문의"\n')


async def test_an_export_has_topics_questions_answers_and_footnotes_in_order(
    sessions: FunctionClient, messages: FunctionClient, person: Person, host: LlmHostDouble
) -> None:
    session = await new_session(sessions, person, "휴가")
    host.text = "15일입니다 [1]. 배열 [2]와 [링크](http://x)는 그대로입니다."
    await asked(messages, person, session, "연차는?\n며칠?")
    await sessions.http.post(f"{SESSIONS}/{session['id']}/sections", json={"title": "병가"}, headers=person.headers)
    await asked(messages, person, session, "병가는?")
    text = await exported(sessions, person, session)
    lines = [line for line in text.splitlines() if line]
    assert lines[2] == "## 주제 1"
    assert lines[3].startswith("### 질문 1 (20")
    assert lines[4:7] == ["> 연차는?", "> 며칠?", "15일입니다 [^1-1]. 배열 [2]와 [링크](http://x)는 그대로입니다."]
    assert lines[7] == "## 병가"
    assert lines[9] == "> 병가는?"
    assert lines[11:] == [
        "---",
        "[^1-1]: 취업규칙, 12쪽, 제15조: 1년간 80퍼센트 이상 출근한 직원에게 15일의 유급휴가를 준다.",
        "[^2-1]: 취업규칙, 12쪽, 제15조: 1년간 80퍼센트 이상 출근한 직원에게 15일의 유급휴가를 준다.",
    ]


async def test_an_unanswered_question_says_why(
    sessions: FunctionClient, messages: FunctionClient, person: Person, host: LlmHostDouble
) -> None:
    session = await new_session(sessions, person)
    host.refusal = {"status": 503, "code": "llm.busy", "detail": "지금은 바쁩니다."}
    await ask(messages, person, session, "연차는?")
    assert "*지금은 바쁩니다.*" in await exported(sessions, person, session)

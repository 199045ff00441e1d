"""What a person wants: most things are questions to the documents; greetings, thanks and help are not."""

import re
from typing import Literal

from llm_host.answers.guard import wants_instructions

Intent = Literal["question", "greeting", "thanks", "help", "refused"]

# Whole sentences only: "휴가 신청 도움말 알려줘" is a question, "도움말" is not.
_SMALL_TALK: tuple[tuple[Intent, re.Pattern[str]], ...] = (
    (
        "greeting",
        re.compile(r"(?:안녕(?:하세요|하십니까)?|반가(?:워요?|습니다)|하이|헬로|hi|hello|좋은아침(?:입니다|이에요)?)+"),
    ),
    (
        "thanks",
        re.compile(r"(?:정말|너무|아주|네|예)?(?:고마워요?|고맙습니다|감사(?:합니다|해요)?|땡큐|thanks?|thankyou)+"),
    ),
    (
        "help",
        re.compile(
            r"(?:도움말|도와(?:줘|주세요)|사용법(?:알려줘|알려주세요)?|(?:너는?|당신은?)?(?:누구(?:야|세요|입니까|인가요)?"
            r"|(?:뭘|무엇을)(?:할수있(?:어|나요|습니까|어요)|물어볼수있(?:어|나요|어요)))|help)"
        ),
    ),
)

REPLIES: dict[Intent, str] = {
    "greeting": "안녕하세요. 사내 규정과 교육 자료에 대해 궁금한 점을 물어봐 주세요. 근거가 되는 문서와 함께 답해 드립니다.",
    "thanks": "도움이 되었다니 다행입니다. 더 궁금한 점이 있으면 언제든지 물어봐 주세요.",
    "help": (
        "사내 규정과 교육 자료에서 답을 찾아 출처와 함께 알려 드립니다.\n"
        '예: "연차휴가는 언제까지 신청해야 하나요?", "출장비 정산에 필요한 서류는 무엇인가요?"\n'
        "문서에 없는 내용은 없다고 말씀드립니다."
    ),
    "refused": "제 동작을 정하는 지시문은 알려 드리거나 바꿀 수 없습니다. 사내 규정과 교육 자료에 대해 물어봐 주세요.",
}


def intent_of(question: str) -> Intent:
    """The intent of a question."""
    if wants_instructions(question):
        return "refused"
    squeezed = re.sub(r"[\W_]+", "", question.lower())[:100]
    for intent, pattern in _SMALL_TALK:
        if pattern.fullmatch(squeezed):
            return intent
    return "question"

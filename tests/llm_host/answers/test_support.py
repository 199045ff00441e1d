"""Whether an answer says what its sources say."""

import pytest

from llm_host.answers.support import is_supported

PASSAGES = {
    1: "연차휴가는 사용 3일 전까지 신청하여야 한다. 상한은 1,500,000원이다.",
    2: "출장비는 복귀 후 5영업일 안에 정산한다.",
}


@pytest.mark.parametrize(
    ("answer", "cited", "supported"),
    [
        ("연차휴가는 3일 전까지 신청해야 합니다 [1].", [1], True),
        ("상한은 1500000원입니다 [1].", [1], True),
        ("- 연차휴가는 3일 전까지 신청합니다 [1]\n- 출장비는 5영업일 안에 정산합니다 [2]", [1, 2], True),
        ("다음 내용을 찾았습니다:\n- 연차휴가는 3일 전까지 신청한다. [1]", [1], True),
        ("연차휴가는 7일 전까지 신청해야 합니다 [1].", [1], False),
        ("출장비는 5영업일 안에 정산합니다 [1].", [1], False),
        ("연차휴가는 3일 전까지 신청해야 합니다.", [], False),
        ("양자 컴퓨터의 큐비트는 초전도 회로로 제작합니다 [1].", [1], False),
        ("[1]", [1], False),
        ("", [], False),
    ],
)
def test_numbers_and_most_words_must_stand_in_the_cited_passages(
    answer: str, cited: list[int], supported: bool
) -> None:
    assert is_supported(answer, cited, PASSAGES) is supported

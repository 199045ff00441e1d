"""How much of a question stands in a text."""

from llm_host.coverage import SNIPPET_CHARACTERS, coverages, snippet


def test_a_text_with_all_words_is_covered_and_one_with_none_is_not() -> None:
    assert coverages(["연차휴가", "신청"], ["연차휴가는 사흘 전에 신청한다.", "법인카드의 한도"]) == [1.0, 0.0]


def test_a_missing_rare_word_weighs_more_than_a_common_one() -> None:
    texts = ["주차장은 지하에 있다. 요금", "요금을 낸다", "요금은 없다", "요금표"]
    with_rare, with_common = coverages(["주차장", "요금"], texts)[:2]
    assert with_rare == 1.0
    assert with_common < 0.5


def test_a_word_that_no_text_has_keeps_every_text_down() -> None:
    assert max(coverages(["스톡옵션", "회사"], ["회사는 급여를 준다", "회사의 규정", "회사"])) < 0.5


def test_a_synonym_covers_a_word() -> None:
    assert coverages(["법카"], ["법인카드의 한도", "출장비"]) == [1.0, 0.0]


def test_a_question_without_content_is_covered_by_nothing() -> None:
    assert coverages([], ["무엇이든"]) == [0.0]


def test_a_snippet_shows_the_part_that_answers() -> None:
    text = "이 규정은 휴가를 정한다. " * 20 + "연차휴가는 사흘 전에 신청한다."
    assert snippet(text, ["연차휴가", "신청"]) == "연차휴가는 사흘 전에 신청한다."
    assert len(snippet("연차휴가 " * 200, ["연차휴가"])) <= SNIPPET_CHARACTERS

"""Korean text as search terms."""

import unicodedata

import pytest

from llm_host.terms import content_words, cut, is_predicate, keywords


@pytest.mark.parametrize(
    ("text", "terms"),
    [
        ("연차휴가는", ["연차", "차휴", "휴가", "가는"]),
        ("VPN을 쓴다", ["vpn", "을", "쓴다"]),
        ("15일, 2026-01-01", ["15", "일", "2026", "01", "01"]),
        ("人事發令", ["人事", "事發", "發令"]),
        ("!? …", []),
    ],
)
def test_hangul_is_cut_into_pairs_and_other_words_stay_whole(text: str, terms: list[str]) -> None:
    assert cut(text) == terms


def test_the_form_of_unicode_makes_no_difference() -> None:
    assert cut(unicodedata.normalize("NFD", "연차휴가")) == cut("연차휴가")
    assert content_words(unicodedata.normalize("NFD", "연차휴가는?")) == content_words("연차휴가는?")


@pytest.mark.parametrize(
    ("question", "words"),
    [
        ("연차휴가는 며칠 전까지 신청해야 하나요?", ["연차휴가", "전까지", "신청"]),
        ("USB를 어떻게 신청하나요?", ["usb", "신청"]),
        ("무엇을 알려 주세요", []),
    ],
)
def test_a_question_is_about_its_content_words(question: str, words: list[str]) -> None:
    assert content_words(question) == words


def test_what_people_say_is_searched_with_what_documents_write() -> None:
    assert keywords("법카 한도는 얼마예요?").split()[:3] == ["법카", "한도", "얼마예"] or "법인카드" in keywords(
        "법카 한도는?"
    )
    assert "법인카드" in keywords("법카 한도는 얼마예요?")
    assert keywords("무엇을?") == "무엇을?"


def test_verbs_are_told_from_nouns() -> None:
    assert [is_predicate(word) for word in ("받으려고", "갑자기", "휴가", "법인카드", "신청")] == [
        True,
        True,
        False,
        False,
        False,
    ]

"""Korean text by the metre: words of company documents in random order, the same for the same seed."""

import random

_SUBJECTS = (
    "연차휴가 출장비 법인카드 교육이수 보안점검 재택근무 경조사 "
    "성과평가 개인정보 비밀번호 노트북 회의실 주차장 건강검진 복지포인트"
)
_THINGS = "신청서 승인 기한 담당부서 한도 증빙 예외 절차 대상자 책임자 보고서 점검표 동의서 영수증 기록"
_VERBS = "제출한다 승인한다 보관한다 통지한다 확인한다 취소한다 변경한다 반납한다 연장한다 기록한다"
_DETAILS = (
    "인사팀 재무팀 정보보안팀 총무팀 법무팀 매월 분기마다 "
    "7일이내 14일이내 30일이내 사전에 서면으로 전자결재로 부서장에게"
)


def sentence(source: random.Random) -> str:
    """One sentence; a number in it makes most of them unlike any other."""
    subject, thing = source.choice(_SUBJECTS.split()), source.choice(_THINGS.split())
    details = " ".join(source.sample(_DETAILS.split(), 2))
    return f"{subject} {source.randint(1, 99_999)}호 {thing}은(는) {details} {source.choice(_VERBS.split())}."


def paragraph(source: random.Random, characters: int) -> str:
    """Sentences up to about so many characters."""
    text = sentence(source)
    while len(text) < characters:
        text += " " + sentence(source)
    return text[: max(characters, 20)]

"""Korean text as search terms: no analyzer of the vector store knows Korean, so the words are cut here."""

import re
import tomllib
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

# Hangul and Han run together without blanks and carry particles; Latin words and numbers stand for themselves.
_RUN = re.compile(r"(?P<syllables>[가-힣一-鿿ぁ-ヿ]+)|(?P<word>[a-zà-ÿ]+|\d+)")
_WORD = re.compile(r"[가-힣]+|[a-zà-ÿ]+|\d+")

_PARTICLES = """
에서는 에게는 으로는 에서도 이라는 이란 라는 이라면 까지는 부터는 에서 에게 한테 으로 부터 까지 보다 처럼 마다
이나 이며 이고 만큼 은 는 이 가 을 를 의 에 로 와 과 도 만 나 란 요
"""
_ENDINGS = """
하려면 하나요 한가요 되나요 인가요 할까요 하는지 되는지 인지 합니까 됩니까 입니까 습니까 하고 하는 하면 하여
해야 했을 되는 되면 되었을 할 한 된 될 해 나요
"""
_EMPTY_WORDS = """
무엇 무슨 뭐 뭔가요 뭐야 어떻게 어떤 언제 어디 누구 누가 얼마 얼마나 몇 며칠 왜 어느 경우 때 것 수 등 시에
시까지 달에 안에 전에 후에 동안 하루에 및 그 이 저 좀 우리 회사 저희 알려 알려줘 알려주세요 주세요 설명
설명해줘 설명해주세요 궁금 궁금해 궁금합니다 있나요 있는 있어 있을 있습니까 없나요 인가요 되나요 하나요 해야 하는
하면 되는 관련 대해 대한 대하여 관하여 관한 그럼 그러면 그리고 또 또는 더 다시 방법 내용 사항 이유 가능 필요
규정 문서 받 받을 받나요 쓸 쓰 가나 주 나오 어떠 무엇인가요 the a an of to is are what
how when who
"""
_EMPTY = frozenset(_EMPTY_WORDS.split())
_SUFFIXES = [*sorted(_ENDINGS.split(), key=len, reverse=True), *sorted(_PARTICLES.split(), key=len, reverse=True)]
_PREDICATE = re.compile(
    r"(?:니다|려고|려면|는데|나요?|까요?|[어아]요?|지요|[예에워써돼해]요|[어아워써줘해돼]도|죠|면|고|던|다가|[어아]서|[해어아여]야|다니|들어가|달라고|달에|살부터|시키|이상이어야"
    r"|끌까|같아|시켜|늘어|만드|걸린|떨어진|가지고|자주|새로|먼저|그냥|갑자기|자꾸)$"
)


def cut(text: str) -> list[str]:
    """The terms of a text: Hangul runs as overlapping character pairs, other words whole, in lower case (NFC)."""
    terms: list[str] = []
    for match in _RUN.finditer(unicodedata.normalize("NFC", text).lower()):
        run = match[0]
        if match.lastgroup == "word" or len(run) == 1:
            terms.append(run)
        else:
            terms.extend(run[at : at + 2] for at in range(len(run) - 1))
    return terms


def content_words(text: str) -> list[str]:
    """What a question is about: its words without particles, endings and words that every question has, in order."""
    words = (_stem(word) for word in _WORD.findall(unicodedata.normalize("NFC", text).lower()))
    return list(dict.fromkeys(word for word in words if word not in _EMPTY and (len(word) > 1 or word.isdigit())))


def synonyms(word: str) -> Sequence[str]:
    """The words that documents may use instead (glossary.toml)."""
    return _GLOSSARY.get(word, ())


def keywords(query: str) -> str:
    """What a query is searched by, word for word: its content and synonyms of it; all of it where nothing is left."""
    words = content_words(query)
    return " ".join([*words, *(other for word in words for other in synonyms(word))]) or query


def is_predicate(word: str) -> bool:
    """Whether a content word looks like a verb or adverb, which say little about what a question is about."""
    return _PREDICATE.search(word) is not None


def _stem(word: str) -> str:
    if word in _EMPTY:
        return word
    for suffix in _SUFFIXES:
        if word.endswith(suffix) and len(word) - len(suffix) >= 2:
            return word.removesuffix(suffix)
    return word


def _glossary() -> Mapping[str, Sequence[str]]:
    entries = tomllib.loads(Path(__file__).with_name("glossary.toml").read_text(encoding="utf-8"))
    return {word.lower(): instead for word, instead in entries.items()}


_GLOSSARY = _glossary()

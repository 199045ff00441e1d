"""Whether an answer says what its sources say: every number in it, and most of its words."""

import re
from collections.abc import Mapping, Sequence

from llm_host.coverage import sentences
from llm_host.terms import content_words, cut, is_predicate

WORDS_SUPPORTED = 0.5  # of the character pairs of a sentence; a faithful paraphrase keeps its nouns
SENTENCES_SUPPORTED = 0.7
_CITATION = re.compile(r"\[\d+\]")
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")


def is_supported(answer: str, cited: Sequence[int], passages: Mapping[int, str]) -> bool:
    """Whether something is cited and the cited passages bear out most sentences, and all numbers, of the answer."""
    evidence = "\n".join(passages[number] for number in cited)
    lines = [line for line in sentences(answer) if not line.endswith(":")]  # what leads in to a list claims nothing
    claims = [claim for line in lines if content_words(claim := _CITATION.sub("", line))]
    if not evidence or not claims:
        return False
    if any(number not in _numbers(evidence) for claim in claims for number in _numbers(claim.lstrip("-*0123456789. "))):
        return False
    held = set(cut(evidence))
    borne_out = sum(_share(claim, held) >= WORDS_SUPPORTED for claim in claims)
    return borne_out / len(claims) >= SENTENCES_SUPPORTED


def _share(claim: str, held: set[str]) -> float:
    """The share of the character pairs of a claim's nouns that are held; its numbers are looked at on their own."""
    nouns = [word for word in content_words(claim) if not word.isdigit() and not is_predicate(word)]
    pairs = [pair for noun in nouns for pair in cut(noun)]
    return sum(pair in held for pair in pairs) / len(pairs) if pairs else 1.0


def _numbers(text: str) -> set[str]:
    """Numbers with thousands marks taken out."""
    return {number.replace(",", "") for number in _NUMBER.findall(text)}

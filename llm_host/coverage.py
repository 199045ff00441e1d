"""How much of what a question is about stands in a text, and where: the measure behind evidence, snippets and support."""

import math
import re
from collections.abc import Sequence

from llm_host.terms import cut, is_predicate, synonyms

SNIPPET_CHARACTERS = 160
PREDICATE_WEIGHT = 0.1
_SENTENCE_END = re.compile(r"(?<=[.!?。])\s+|\n+")


def coverages(words: Sequence[str], texts: Sequence[str]) -> list[float]:
    """For each text, the share (0 to 1) of what the words say that stands in it, itself or by a synonym.

    A word counts for more the fewer of the texts have it, so one that none has weighs the most: a question about something
    that the documents never mention is not covered by the common words around it. Verbs and adverbs count for little.
    """
    if not words:
        return [0.0] * len(texts)
    held = [set(cut(text)) for text in texts]
    shares = [[_share(word, terms) for word in words] for terms in held]
    weights = [_weight(word, len(texts), sum(share[at] for share in shares)) for at, word in enumerate(words)]
    return [sum(weight * each for weight, each in zip(weights, share, strict=True)) / sum(weights) for share in shares]


def _weight(word: str, texts: int, having: float) -> float:
    rarity = math.log(1 + (texts + 1) / (1 + having))
    return PREDICATE_WEIGHT * rarity if is_predicate(word) else rarity


def _share(word: str, terms: set[str]) -> float:
    """How much of a word's character pairs, or a synonym's, a text has; a lone pair of a long word says nothing."""
    share = max(sum(pair in terms for pair in pairs) / len(pairs) for pairs in map(cut, (word, *synonyms(word))))
    return share if share >= 0.5 else 0.0


def sentences(text: str) -> list[str]:
    """The sentences and lines of a passage."""
    return [part for part in (piece.strip() for piece in _SENTENCE_END.split(text)) if part]


def snippet(text: str, words: Sequence[str]) -> str:
    """The part of a passage that says most about the words, at most SNIPPET_CHARACTERS long."""
    parts = sentences(text)
    if not parts:
        return ""
    scores = coverages(words, parts)
    best = max(range(len(parts)), key=lambda at: (scores[at], -at))
    shown = " ".join(parts[best:])
    return shown if len(shown) <= SNIPPET_CHARACTERS else shown[: SNIPPET_CHARACTERS - 1].rstrip() + "…"

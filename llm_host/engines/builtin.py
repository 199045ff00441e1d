"""The engine that needs no model: it embeds by hashing and answers with sentences of the passages, word for word."""

import asyncio
import math
import re
from collections import Counter
from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from zlib import crc32

import numpy as np

from llm_host.coverage import coverages, sentences
from llm_host.engines.engine import Source, Task, Usage, Vectors
from llm_host.terms import content_words, cut, keywords

DIMENSION = 1024
MOST_SENTENCES = 4
SHORTEST_SENTENCE = 8  # characters; less is a heading or a cell
WORTH_SAYING = 0.5  # of what the best sentence covers; 0.3 told no more facts of the samples, and more besides
_HEADING = re.compile(r"제\d+조(?:의\d+)?\s*\([^()]*\)$")
_OPENING = "관련 문서에서 다음 내용을 찾았습니다:\n"
_NOTHING = "문서에 관련된 부분은 있지만, 질문에 바로 답하는 문장은 찾지 못했습니다. 아래 출처를 확인해 주세요."


@dataclass(frozen=True, slots=True)
class _Sentence:
    source: int  # the number to cite
    order: int
    text: str


class BuiltinEngine:
    """Extractive: it never writes a fact that is not in a passage."""

    name = "builtin"
    model = "builtin-extractive-1"
    embedding_model = "builtin-hashed-bigrams-1"
    dimension = DIMENSION
    strong_similarity = None

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """Signed feature hashing of terms with sublinear weights (Weinberger et al. 2009)."""
        return await asyncio.to_thread(lambda: np.stack([_hashed(text) for text in texts]))

    async def embed_query(self, query: str) -> Vectors:
        """By its content words and their synonyms: what every question has would only blur it."""
        return _hashed(keywords(query))

    async def answer(self, task: Task) -> AsyncGenerator[str | Usage, None]:
        """Up to four sentences that say most about the question, each with its source."""
        chosen = _chosen(task)
        lines = [f"\n- {sentence.text} [{sentence.source}]" for sentence in chosen]
        pieces = [_OPENING, *lines] if chosen else [_NOTHING]
        for piece in pieces:
            yield piece
        asked = len(cut(task.question)) + sum(len(cut(source.text)) for source in task.sources)
        yield Usage("stop", asked, len(cut("".join(pieces))))

    async def title(self, question: str, answer: str) -> str:  # noqa: ARG002 - the question says it best
        """The content words of the question."""
        return " ".join(content_words(question))

    async def ready(self) -> bool:
        return True

    async def close(self) -> None:
        return


def _hashed(text: str) -> Vectors:
    vector = np.zeros(DIMENSION, dtype=np.float32)
    for term, times in Counter(cut(text)).items():
        hashed = crc32(term.encode())
        sign = 1.0 if hashed & 1 << 31 else -1.0
        vector[hashed % DIMENSION] += sign * (1.0 + math.log(times))
    length = float(np.linalg.norm(vector))
    if length == 0.0:  # nothing to compare by; a zero vector has no cosine
        vector[0] = length = 1.0
    return vector / np.float32(length)


def _chosen(task: Task) -> list[_Sentence]:
    """The sentences that say most about the question, in the order of their sources."""
    found = [sentence for source in task.sources for sentence in _sentences(source)]
    scores = coverages(content_words(task.question), [sentence.text for sentence in found])
    best = max(scores, default=0.0)
    ranked = sorted(range(len(found)), key=lambda at: (-scores[at], found[at].source, found[at].order))
    chosen = [found[at] for at in ranked[:MOST_SENTENCES] if scores[at] > 0.0 and scores[at] >= WORTH_SAYING * best]
    return sorted(chosen, key=lambda sentence: (sentence.source, sentence.order))


def _sentences(source: Source) -> list[_Sentence]:
    texts = [text for text in sentences(source.text) if len(text) >= SHORTEST_SENTENCE and not _HEADING.match(text)]
    return [_Sentence(source.number, order, text) for order, text in enumerate(texts)]

"""One turn: mask, understand, search, decide whether there is evidence, generate from numbered sources, check."""

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import asdict, dataclass
from typing import Literal

from llm_host.answers.guard import OutputFilter, mask
from llm_host.answers.intent import REPLIES, intent_of
from llm_host.answers.prompts import NOT_FOUND
from llm_host.answers.support import is_supported
from llm_host.engines.engine import Engine, Exchange, Source, Task, Usage
from llm_host.metrics import AnswerTimer, Metrics
from llm_host.retrieval import Found, Passage, Retriever
from llm_host.terms import content_words
from shared.errors import Problem
from shared.sse import Sse

SOURCES = 5
FEW_WORDS = 2  # a question about no more than this leans on the one before
_LEANS_BACK = re.compile(r"^\s*(?:그럼|그러면|그건|그거|그것|그때|그 경우|그렇다면|이건|이거|거기|여기서|또는|혹시 그)")

NO_EVIDENCE = (
    "사내 문서에서 근거를 찾지 못했습니다. 문서에 쓰이는 낱말로 바꾸어 다시 물어보시거나, 담당 부서에 문의해 주세요."
)
NO_DOCUMENTS = (
    "사내 문서에서 근거를 찾지 못했습니다. 지금 볼 수 있는 문서가 하나도 없습니다."
    " 문서가 등록되어 있는지 관리자에게 확인해 주세요."
)
UNSUPPORTED = "\n\n※ 답의 일부를 근거 문서에서 확인하지 못했습니다. 중요한 내용은 출처의 원문을 확인해 주세요."

FinishReason = Literal["stop", "length", "no_evidence", "small_talk", "refused"]


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it was asked. `department` None sees only what is for everybody; no `domains` means all."""

    text: str
    history: Sequence[Exchange]
    department: str | None
    domains: Sequence[str]


class Answerer:
    """Answers questions as streams of events: meta, sources, delta..., done. Raises a 503 problem when a part is down."""

    def __init__(self, retriever: Retriever, engine: Engine, link_hosts: frozenset[str], metrics: Metrics) -> None:
        self._retriever = retriever
        self._engine = engine
        self._link_hosts = link_hosts
        self._metrics = metrics

    async def answer(self, question: Question) -> AsyncGenerator[Sse, None]:
        """The events of one answer; closing the iterator stops the engine."""
        timer = self._metrics.answer()
        outcome = "left"
        try:
            async with aclosing(self._turn(question, timer)) as events:
                async for event in events:
                    if event.event == "done":
                        outcome = "grounded" if event.data["grounded"] else event.data["finish_reason"]
                    yield event
        except Problem as problem:
            outcome = problem.code
            raise
        finally:
            timer.ended(outcome)

    async def _turn(self, question: Question, timer: AnswerTimer) -> AsyncGenerator[Sse, None]:
        masked = mask(question.text)
        intent = intent_of(masked.text)
        yield Sse("meta", {"engine": self._engine.name, "model": self._engine.model, "intent": intent})
        if intent != "question":
            for event in _told(REPLIES[intent], "refused" if intent == "refused" else "small_talk"):
                yield event
            return
        history = [Exchange(mask(each.question).text, mask(each.answer).text) for each in question.history]
        query = search_query(masked.searchable, history)
        found = await self._retriever.search(query, question.department, question.domains, SOURCES)
        if not found.evidence:
            for event in _told(NO_EVIDENCE if found.documents else NO_DOCUMENTS, "no_evidence"):
                yield event
            return
        yield Sse("sources", {"passages": [asdict(passage) for passage in found.passages]})
        task = Task(masked.text, [_source(passage) for passage in found.passages], history)
        async with aclosing(self._generate(task, found, timer)) as events:
            async for event in events:
                yield event

    async def _generate(self, task: Task, found: Found, timer: AnswerTimer) -> AsyncGenerator[Sse, None]:
        out = OutputFilter(frozenset(passage.number for passage in found.passages), self._link_hosts)
        text, usage = "", Usage("stop", 0, 0)
        async with aclosing(self._engine.answer(task)) as pieces:
            async for piece in pieces:
                if isinstance(piece, Usage):
                    usage = piece
                shown = out.end() if isinstance(piece, Usage) else out.feed(piece)
                if shown:
                    timer.text()
                    text += shown
                    yield Sse("delta", {"text": shown})
        if NOT_FOUND in text:
            yield _done("no_evidence", grounded=False, cited=[], usage=usage)
            return
        supported = is_supported(text, out.cited, {passage.number: passage.text for passage in found.passages})
        if not supported:
            yield Sse("delta", {"text": UNSUPPORTED})
        yield _done(usage.finish_reason, grounded=supported, cited=out.cited, usage=usage)


def search_query(question: str, history: Sequence[Exchange]) -> str:
    """What is searched for: the question, with the words of the one before where it leans on that."""
    words = content_words(question)
    if history and (len(words) <= FEW_WORDS or _LEANS_BACK.match(question)):
        before = [word for word in content_words(mask(history[-1].question).searchable) if word not in words]
        return " ".join([question, *before])
    return question


def _told(text: str, reason: FinishReason) -> list[Sse]:
    """An answer that needs no model."""
    return [
        Sse("sources", {"passages": []}),
        Sse("delta", {"text": text}),
        _done(reason, grounded=False, cited=[], usage=Usage("stop", 0, 0)),
    ]


def _done(reason: FinishReason, *, grounded: bool, cited: Sequence[int], usage: Usage) -> Sse:
    fields = {"finish_reason": reason, "grounded": grounded, "cited": sorted(cited)}
    return Sse("done", fields | {"tokens_in": usage.tokens_in, "tokens_out": usage.tokens_out})


def _source(passage: Passage) -> Source:
    page = f"{passage.page}쪽" if passage.page else None
    place = ", ".join(filter(None, (passage.title, passage.heading, passage.clause, page)))
    return Source(passage.number, place, passage.text)

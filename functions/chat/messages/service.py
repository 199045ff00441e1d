"""What the group does: turns, their answers, and what people think of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from functions.chat.messages import queries
from functions.chat.messages.queries import ExchangeRow, GenerationRow
from functions.chat.messages.schemas import FeedbackChange, Question, TurnWithAnswers
from functions.chat.states import GenerationState
from functions.chat.turns import AnswerRow, Feedback, TurnRow, answer, turn
from shared.auth import Principal
from shared.db import Session
from shared.errors import Problem, conflict, not_found
from shared.idempotency import Once, key_reused
from shared.ids import uuid7

MAX_ANSWERS = 5
HISTORY_TURNS = 6
HISTORY_CHARACTERS = 6000
RETRY_SECONDS = 10

LIVE = (GenerationState.PENDING, GenerationState.STREAMING)


@dataclass(frozen=True, slots=True)
class Job:
    """An answer to be generated, with all that the LLM host is told."""

    generation_id: UUID
    turn: TurnRow
    history: Sequence[ExchangeRow]
    department: str | None


@dataclass(frozen=True, slots=True)
class Begun:
    """A turn and the answer to follow; `job` is what has to be done for it, or None when that is under way already."""

    turn: TurnRow
    generation: GenerationRow
    job: Job | None = None


async def ask(session: Session, me: Principal, question: Question, once: Once) -> Begun:
    """Stores a question with an answer to be generated, or finds those of an earlier request with the same key.

    Raises a 404 problem when there is no such session or section, and a 422 one for a key of another request.
    """
    if await session.first(queries.touch_session, id=question.session_id, owner=me.id) is None:
        raise not_found("chat.session_not_found", "대화를 찾을 수 없습니다.")
    section = await session.first(queries.find_section, session_id=question.session_id, id=question.section_id)
    if section is None:
        raise not_found("chat.section_not_found", "대화의 주제를 찾을 수 없습니다.")
    added = await session.first(
        queries.add_turn,
        id=uuid7(),
        session_id=question.session_id,
        section_id=section,
        owner=me.id,
        question=question.content,
        domains=question.domains,
        request_key=once.key,
        request_hash=once.request_hash,
    )
    return await _begin(session, me, added) if added else await _of_request(session, me, once)


async def retry(session: Session, me: Principal, turn_id: UUID) -> Begun:
    """Begins another answer after one that failed or was stopped. Raises a 409 problem otherwise."""
    asked = await _locked(session, me, turn_id)
    newest = await session.one(queries.find_generation, turn_id=turn_id, id=None)
    if newest.state not in (GenerationState.FAILED, GenerationState.STOPPED):
        raise _busy() if newest.state in LIVE else conflict("chat.not_failed", "이미 답변이 완료된 질문입니다.")
    return await _begin(session, me, asked)


async def regenerate(session: Session, me: Principal, turn_id: UUID) -> Begun:
    """Begins another answer beside a finished one. Raises a 409 problem without one, or when there are MAX_ANSWERS."""
    asked = await _locked(session, me, turn_id)
    newest = await session.one(queries.find_generation, turn_id=turn_id, id=None)
    if newest.state != GenerationState.DONE:
        raise (
            _busy()
            if newest.state in LIVE
            else conflict("chat.not_done", "완료된 답변이 있어야 다시 만들 수 있습니다.")
        )
    if await session.one(queries.count_done, turn_id=turn_id) >= MAX_ANSWERS:
        raise conflict("chat.too_many_answers", f"한 질문의 답변은 {MAX_ANSWERS}개까지 만들 수 있습니다.")
    return await _begin(session, me, asked)


async def find(session: Session, me: Principal, turn_id: UUID, generation_id: UUID | None = None) -> Begun:
    """A turn with its newest answer, or with the one named. Raises a 404 problem when the caller has no such turn."""
    asked = await session.first(queries.find_turn, id=turn_id, owner=me.id)
    if asked is None:
        raise _no_turn()
    generation = await session.first(queries.find_generation, turn_id=turn_id, id=generation_id)
    if generation is None:
        raise not_found("chat.answer_not_found", "답변을 찾을 수 없습니다.")
    return Begun(asked, generation)


async def read(session: Session, me: Principal, turn_id: UUID) -> TurnWithAnswers:
    """A turn with all its answers. Raises a 404 problem when the caller has no such turn."""
    asked = await session.first(queries.find_turn, id=turn_id, owner=me.id)
    if asked is None:
        raise _no_turn()
    answers = await session.all(queries.list_answers, turn_id=turn_id)
    return TurnWithAnswers(**dict(turn(asked, answers[-1])), answers=[answer(each) for each in answers])


async def outcome(session: Session, begun: Begun) -> TurnWithAnswers | Problem:
    """The turn with its finished answer, or the problem that the answer failed with."""
    answers = await session.all(queries.list_answers, turn_id=begun.turn.id)
    ours = next(each for each in answers if each.id == begun.generation.id)
    if ours.state == GenerationState.FAILED:
        return failure(ours.error_status, ours.error_code, ours.error_detail)
    return TurnWithAnswers(**dict(turn(begun.turn, ours)), answers=[answer(each) for each in answers])


async def put_feedback(session: Session, me: Principal, turn_id: UUID, change: FeedbackChange) -> Feedback:
    """Stores what the caller thinks of an answer, instead of what they thought before."""
    rated = (await find(session, me, turn_id, change.generation_id)).generation
    if rated.state != GenerationState.DONE:
        raise conflict("chat.not_done", "완료된 답변만 평가할 수 있습니다.")
    await session.run(queries.put_feedback, generation_id=rated.id, rating=change.rating, comment=change.comment)
    rows = await session.all(queries.list_answers, turn_id=turn_id)
    return _feedback_of(next(row for row in rows if row.id == rated.id))


async def delete_feedback(session: Session, me: Principal, turn_id: UUID, generation_id: UUID | None) -> None:
    """Takes back what the caller thinks of an answer, if anything."""
    rated = (await find(session, me, turn_id, generation_id)).generation
    await session.run(queries.delete_feedback, generation_id=rated.id)


def failure(status: int | None, code: str | None, detail: str | None) -> Problem:
    """The problem that an answer failed with."""
    assert status is not None
    assert code is not None
    retry_after = RETRY_SECONDS if status in (429, 503) else None
    return Problem(status, code, detail or "", retry_after=retry_after)


async def _begin(session: Session, me: Principal, asked: TurnRow) -> Begun:
    generation = await session.one(queries.add_generation, id=uuid7(), turn_id=asked.id)
    newest_first = await session.all(
        queries.list_history, section_id=asked.section_id, before=asked.number, take=HISTORY_TURNS
    )
    return Begun(asked, generation, Job(generation.id, asked, _bounded(newest_first), me.department))


async def _of_request(session: Session, me: Principal, once: Once) -> Begun:
    assert once.key is not None
    asked = await session.first(
        queries.find_turn_of_request, owner=me.id, request_key=once.key, request_hash=once.request_hash
    )
    if asked is None:
        raise key_reused()
    return Begun(asked, await session.one(queries.find_generation, turn_id=asked.id, id=None))


async def _locked(session: Session, me: Principal, turn_id: UUID) -> TurnRow:
    """The turn, which nobody else may give another answer at the same time; a lost answer to it has failed by now."""
    asked = await session.first(queries.lock_turn, id=turn_id, owner=me.id)
    if asked is None:
        raise _no_turn()
    await session.run(queries.fail_lost, turn_id=turn_id)
    return asked


def _bounded(newest_first: Sequence[ExchangeRow]) -> list[ExchangeRow]:
    """As many of the newest exchanges as fit, oldest first."""
    kept: list[ExchangeRow] = []
    characters = 0
    for exchange in newest_first:
        characters += len(exchange.question) + len(exchange.answer)
        if characters > HISTORY_CHARACTERS:
            break
        kept.insert(0, exchange)
    return kept


def _feedback_of(row: AnswerRow) -> Feedback:
    feedback = answer(row).feedback
    assert feedback is not None
    return feedback


def _no_turn() -> Problem:
    return not_found("chat.turn_not_found", "질문을 찾을 수 없습니다.")


def _busy() -> Problem:
    return conflict("chat.answer_live", "이미 답변을 만들고 있습니다. 끝난 뒤에 다시 시도해 주세요.")

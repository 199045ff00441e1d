"""A conversation as Markdown: its topics, questions and answers, with the sources as footnotes."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from urllib.parse import quote
from uuid import UUID

from functions.chat.sessions import queries
from functions.chat.sessions.schemas import SessionWithSections
from functions.chat.sessions.service import KOREA, newest_answers, read
from functions.chat.turns import AnswerRow, Source, TurnRow
from shared.auth import Principal
from shared.db import Session

_CITATION = re.compile(r"\[(\d{1,3})\](?!\()")


async def export(session: Session, me: Principal, session_id: UUID) -> tuple[str, str]:
    """The file name and the text. Raises a 404 problem when the caller has no such conversation."""
    conversation = await read(session, me, session_id)
    turns = await session.all(queries.list_turns, session_id=session_id, after_id=None, take=None)
    answers = await newest_answers(session, turns)
    return f"{conversation.title}.md", _markdown(conversation, turns[::-1], answers)


def content_disposition(filename: str) -> str:
    """The header that names a download: in ASCII, and as it is really called (RFC 6266, RFC 5987)."""
    safe = re.sub(r'[\\/:*?"<>|\x00-\x1f\x7f]+', "_", filename)
    return f"attachment; filename=\"conversation.md\"; filename*=UTF-8''{quote(safe, safe='')}"


def _markdown(conversation: SessionWithSections, turns: Sequence[TurnRow], answers: Mapping[UUID, AnswerRow]) -> str:
    parts = [f"# {conversation.title}", f"{_when(conversation.created_at)} 시작"]
    for section in conversation.sections:
        parts.append(f"## {section.title}")
        for turn in turns:
            if turn.section_id == section.id:
                parts += _turn(turn, answers[turn.id])
    notes = [_footnote(turn, source) for turn in turns for source in _sources(answers[turn.id])]
    if notes:
        parts += ["---", "\n".join(notes)]
    return "\n\n".join(parts) + "\n"


def _turn(turn: TurnRow, answer: AnswerRow) -> list[str]:
    question = "\n".join(f"> {line}".rstrip() for line in turn.question.splitlines())
    parts = [f"### 질문 {turn.number} ({_when(turn.created_at)})", question]
    if answer.content:
        parts.append(_with_footnotes(turn, answer))
    if answer.error_detail:
        parts.append(f"*{answer.error_detail}*")
    return parts


def _with_footnotes(turn: TurnRow, answer: AnswerRow) -> str:
    known = {source.number for source in _sources(answer)}

    def footnote(cited: re.Match[str]) -> str:
        return f"[^{turn.number}-{int(cited[1])}]" if int(cited[1]) in known else cited[0]

    return _CITATION.sub(footnote, answer.content)


def _footnote(turn: TurnRow, source: Source) -> str:
    page = f"{source.page}쪽" if source.page is not None else None
    place = ", ".join(part for part in (source.title, page, source.clause or source.heading) if part)
    snippet = " ".join(source.snippet.split())
    return f"[^{turn.number}-{source.number}]: {place}: {snippet}"


def _sources(answer: AnswerRow) -> list[Source]:
    return [Source.model_validate(source) for source in answer.sources]


def _when(moment: datetime) -> str:
    return f"{moment.astimezone(KOREA):%Y-%m-%d %H:%M}"

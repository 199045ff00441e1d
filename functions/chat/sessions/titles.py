"""A conversation's title, made by the LLM host of its first answer."""

import logging

from pydantic import ValidationError

from functions.chat.sessions import queries
from functions.chat.sessions.schemas import TurnCompleted
from functions.chat.states import TitleState
from shared.context import Context
from shared.errors import unprocessable
from shared.events import CloudEvent
from shared.llm import LlmHost

log = logging.getLogger(__name__)

TITLE_CHARACTERS = 60
ANSWER_CHARACTERS = 2000  # of the answer are enough to name it by


async def turn_completed(event: CloudEvent, context: Context) -> None:
    """Gives the session a title if it still has its first one.

    Raises a 503 problem, so that the event comes again, while the host is down, and a 422 one for an unreadable event.
    """
    try:
        turn = TurnCompleted.model_validate(event.data)
    except ValidationError as error:
        raise unprocessable("event.invalid", "이벤트의 내용을 읽을 수 없습니다.") from error
    async with context.database.transaction() as session:
        if await session.first(queries.find_title_state, id=turn.session_id) != TitleState.DEFAULT:
            return
    title = _one_line(await context.client(LlmHost).title(turn.question, turn.answer[:ANSWER_CHARACTERS]))
    async with context.database.transaction() as session:
        if title and await context.outbox.first_time(session, event):
            await session.run(queries.set_generated_title, id=turn.session_id, title=title)


def _one_line(title: str) -> str:
    return " ".join(title.replace("\0", " ").split())[:TITLE_CHARACTERS].rstrip()

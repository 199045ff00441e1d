"""The name of a conversation: short, and without anybody's personal data."""

import re

from llm_host.answers.guard import mask
from llm_host.engines.engine import Engine

TITLE_CHARACTERS = 20
UNTITLED = "새 대화"
_DECORATION = re.compile(r"^[\s\"'“”‘’#*\-:]+|[\s\"'“”‘’.*]+$")


async def title_of(engine: Engine, question: str, answer: str) -> str:
    """At most TITLE_CHARACTERS characters on one line. Raises a 503 problem when the engine is down."""
    title = await engine.title(mask(question).searchable, mask(answer).searchable)
    lines = mask(title).searchable.strip().splitlines()
    return _cut(_DECORATION.sub("", lines[0])) if lines else UNTITLED


def _cut(title: str) -> str:
    """Whole words while they fit; a first word that does not fit is cut."""
    words = title.split()
    while len(words) > 1 and len(" ".join(words)) > TITLE_CHARACTERS:
        words.pop()
    return " ".join(words)[:TITLE_CHARACTERS] or UNTITLED

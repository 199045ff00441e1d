"""What the host asks of a model, whoever serves it."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

Vectors = NDArray[np.float32]  # one row per text, each of length 1


@dataclass(frozen=True, slots=True)
class Source:
    """A passage as an engine sees it: a number to cite, where it stands, and the text, which is data."""

    number: int
    place: str
    text: str


@dataclass(frozen=True, slots=True)
class Exchange:
    """An earlier question of the same topic and its answer."""

    question: str
    answer: str


@dataclass(frozen=True, slots=True)
class Task:
    """A question to be answered from `sources` alone. Personal data in question and history is masked already."""

    question: str
    sources: Sequence[Source]
    history: Sequence[Exchange]


@dataclass(frozen=True, slots=True)
class Usage:
    """The end of an answer: why it ended, and what it cost (in the engine's own tokens)."""

    finish_reason: Literal["stop", "length"]
    tokens_in: int
    tokens_out: int


class Engine(Protocol):
    """All methods raise a 503 problem `engine.unavailable` when the model cannot be reached."""

    @property
    def name(self) -> str: ...

    @property
    def model(self) -> str: ...

    @property
    def embedding_model(self) -> str: ...

    @property
    def dimension(self) -> int: ...

    @property
    def strong_similarity(self) -> float | None:
        """From this cosine on, a passage is evidence even if it shares no word; None where similarity is lexical."""
        ...

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """A row of length 1 and `dimension` columns per passage."""
        ...

    async def embed_query(self, query: str) -> Vectors:
        """The vector of what is searched, which an engine may treat otherwise than a passage."""
        ...

    def answer(self, task: Task) -> AsyncGenerator[str | Usage, None]:
        """Pieces of text, then exactly one Usage. Closing the generator stops the generation."""
        ...

    async def title(self, question: str, answer: str) -> str:
        """A few Korean words that name what the exchange is about."""
        ...

    async def ready(self) -> bool:
        """Whether it would answer now."""
        ...

    async def close(self) -> None: ...

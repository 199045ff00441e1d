"""The states that the tables of `chat` allow and its functions speak of."""

from enum import StrEnum


class TitleState(StrEnum):
    """Who gave a session its title."""

    DEFAULT = "DEFAULT"
    GENERATED = "GENERATED"
    CHOSEN = "CHOSEN"


class GenerationState(StrEnum):
    """Where an answer stands; the first two are live, and a turn has at most one live generation."""

    PENDING = "PENDING"
    STREAMING = "STREAMING"
    DONE = "DONE"
    FAILED = "FAILED"
    STOPPED = "STOPPED"


class Rating(StrEnum):
    """What a person thinks of an answer."""

    UP = "UP"
    DOWN = "DOWN"


class Domain(StrEnum):
    """What a document is about, as far as a question can be narrowed to it."""

    POLICY = "POLICY"
    EDUCATION = "EDUCATION"
    SECURITY = "SECURITY"
    HR = "HR"

"""The data of the events that `infra-ingest` takes, and the LLM host's answers."""

import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, TypeVar
from urllib.parse import unquote_plus
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError
from pydantic.alias_generators import to_camel

from shared.errors import unprocessable

Model = TypeVar("Model", bound=BaseModel)


def read(model: type[Model], data: Mapping[str, Any]) -> Model:
    """The data of an event. Raises a 422 problem, which is final, for what cannot be meant."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        pointers = [{"pointer": "/" + "/".join(map(str, each["loc"])), "code": each["type"]} for each in error.errors()]
        raise unprocessable("event.invalid", "이벤트의 내용이 약속과 다릅니다.", pointers) from error


def read_id(text: str) -> UUID:
    """The id that an event is about. Raises a 422 problem."""
    try:
        return UUID(text)
    except ValueError as error:
        raise unprocessable("event.invalid", "이벤트가 무엇에 관한 것인지 알 수 없습니다.") from error


def _decoded_key(key: str) -> str:
    return unicodedata.normalize("NFC", unquote_plus(key))


def _without_nul(text: str) -> str:
    if "\0" in text:
        raise ValueError("PostgreSQL holds no NUL")
    return text


def _at_different_positions(chunks: "list[ReportedChunk]") -> "list[ReportedChunk]":
    if len({chunk.position for chunk in chunks}) < len(chunks):
        raise ValueError("two chunks have the same position")
    return chunks


Text = Annotated[str, AfterValidator(_without_nul)]
Count = Annotated[int, Field(ge=0, le=2**31 - 1)]
Attempt = Annotated[int, Field(ge=1, le=2**31 - 1)]


class _S3(BaseModel):
    """S3 writes camel case (Amazon S3 User Guide, "Event message structure")."""

    model_config = ConfigDict(alias_generator=to_camel)


class S3Bucket(_S3):
    name: str


class S3Object(_S3):
    """`key` comes URL-encoded with plus signs for spaces. `sequencer` orders the events of one key."""

    key: Annotated[str, AfterValidator(_decoded_key)]
    size: int | None = None
    version_id: str | None = None
    sequencer: Annotated[str, Field(pattern="^[0-9A-Fa-f]{1,64}$")] | None = None


class S3Place(_S3):
    bucket: S3Bucket
    object: S3Object


class S3Record(_S3):
    """Something that happened to one object: `ObjectCreated:Put`, `ObjectRemoved:DeleteMarkerCreated` and others."""

    event_name: str
    s3: S3Place


class S3Notification(BaseModel):
    """A message from S3: records, or the test that it sends when notifications are set up."""

    records: Annotated[list[S3Record] | None, Field(alias="Records")] = None
    event: Annotated[str | None, Field(alias="Event")] = None


class VersionChanged(BaseModel):
    version_id: UUID


class Report(BaseModel):
    """What every report about processing has; one of an older attempt is late."""

    attempt: Attempt


class Progressed(Report):
    stage: Annotated[Text, Field(max_length=100)]
    progress: Annotated[int, Field(ge=0, le=100)]


class ReportedChunk(BaseModel):
    position: Count
    text: Text
    page: Count | None = None
    heading: Text | None = None
    clause: Text | None = None


class Chunked(Report):
    chunks: Annotated[list[ReportedChunk], AfterValidator(_at_different_positions)]


class Indexed(Report):
    pages: Count | None
    characters: Count
    chunks: Count


class Failed(Report):
    """`reason` is for a person, in Korean."""

    code: Annotated[Text, Field(min_length=1, max_length=200)]
    reason: Annotated[Text, Field(max_length=2000)]
    retryable: bool


class Job(BaseModel):
    """How the host's latest job of a version stands; `kind` is process, activate or remove."""

    attempt: int
    kind: str
    state: str
    stage: str | None = None
    progress: int = 0

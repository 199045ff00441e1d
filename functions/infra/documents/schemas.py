"""What `infra-documents` is asked and what it answers."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from functions.infra.documents.files import MAX_BYTES, check_filename
from functions.infra.states import Action, Domain, ProcessingState, ReviewState
from shared.storage import PART_BYTES
from shared.texts import Line, Text

MAX_PARTS = -(-MAX_BYTES // PART_BYTES)


def _without_repeats(departments: list[str]) -> list[str]:
    return list(dict.fromkeys(departments))


Title = Annotated[Line, Field(min_length=1, max_length=200)]
Comment = Annotated[Text, Field(min_length=1, max_length=2000)]
Departments = Annotated[
    list[Annotated[Line, Field(min_length=1, max_length=100)]], Field(max_length=100), AfterValidator(_without_repeats)
]


class File(BaseModel):
    """A file that is about to be uploaded. `size` is in bytes, `sha256` in hexadecimal digits."""

    filename: Annotated[str, AfterValidator(check_filename)]
    content_type: Annotated[Line, Field(min_length=1, max_length=200)]
    size: int
    sha256: Annotated[str, StringConstraints(to_lower=True, pattern="^[0-9a-fA-F]{64}$")]


class NewDocument(File):
    """A document with its first version. No departments means everybody."""

    title: Title
    domain: Domain
    departments: Departments = []
    change_summary: Comment | None = None


class NewVersion(File):
    """A further version; what is left out stays as it was in the latest one."""

    title: Title | None = None
    domain: Domain | None = None
    departments: Departments | None = None
    change_summary: Comment | None = None


class UploadedPart(BaseModel):
    """A part that has been put, and the ETag that the storage answered."""

    number: Annotated[int, Field(ge=1, le=MAX_PARTS)]
    etag: Annotated[Line, Field(min_length=1, max_length=200)]


class Completion(BaseModel):
    """The end of an upload; `parts` only where it was made in parts."""

    parts: Annotated[list[UploadedPart], Field(max_length=MAX_PARTS)] = []


class Rejection(BaseModel):
    """Why a version was not approved."""

    reason: Comment


class Version(BaseModel):
    """A version of a document, in both of its life cycles. `progress` is in percent of the processing."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    document_id: UUID
    number: int
    title: str
    domain: Domain
    departments: list[str]
    filename: str
    content_type: str
    size: int
    sha256: str
    change_summary: str | None
    created_by: UUID
    processing_state: ProcessingState
    attempt: int
    stage: str | None
    progress: int
    failure_code: str | None
    failure_reason: str | None
    pages: int | None
    characters: int | None
    chunks: int | None
    review_state: ReviewState
    reviewed_by: UUID | None
    review_comment: str | None
    searchable_at: datetime | None
    created_at: datetime
    updated_at: datetime


class HistoryEntry(BaseModel):
    """Something that happened to a version; `actor` is null for the platform itself."""

    model_config = ConfigDict(from_attributes=True)

    action: Action
    actor: UUID | None
    detail: str | None
    at: datetime


class VersionDetail(Version):
    """A version and, for those who manage or review it, what happened to it."""

    history: list[HistoryEntry]


class Document(BaseModel):
    """A document with its versions, newest first: all of them, or for an employee those that answers are drawn from."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    owner: UUID
    created_at: datetime
    updated_at: datetime
    versions: list[Version]


class ListedDocument(BaseModel):
    """A document in a list: `version` is the newest of its versions that the filters match."""

    id: UUID
    owner: UUID
    created_at: datetime
    updated_at: datetime
    versions: int
    version: Version


class Chunk(BaseModel):
    """A passage of a version; `page` counts from 1, `heading` and `clause` are where it stands."""

    model_config = ConfigDict(from_attributes=True)

    position: int
    text: str
    page: int | None
    heading: str | None
    clause: str | None


class UploadPart(BaseModel):
    """Where one part goes."""

    number: int
    url: str


class Upload(BaseModel):
    """How to send the file: one PUT with exactly these headers, or a PUT of `part_bytes` (the last may be less) per part."""

    method: str = "PUT"
    expires_at: datetime
    url: str | None = None
    headers: dict[str, str] | None = None
    upload_id: str | None = None
    part_bytes: int | None = None
    parts: list[UploadPart] | None = None


class Registered(BaseModel):
    """A registered version; `upload` is null once its file has arrived."""

    document_id: UUID
    version: Version
    upload: Upload | None = None


class Download(BaseModel):
    """A URL that reads the file until it expires."""

    url: str
    expires_at: datetime

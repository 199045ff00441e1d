"""The states that the tables of `infra` allow and its functions speak of."""

from enum import StrEnum


class ProcessingState(StrEnum):
    """Where a document version stands between the upload of its file and its chunks."""

    REGISTERED = "REGISTERED"
    EXPIRED = "EXPIRED"
    UPLOADED = "UPLOADED"
    PROCESSING = "PROCESSING"
    READY = "READY"
    FAILED = "FAILED"
    REMOVING = "REMOVING"
    REMOVED = "REMOVED"


class ReviewState(StrEnum):
    """Where a document version stands between its author and the people who ask."""

    DRAFT = "DRAFT"
    PENDING = "PENDING"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    ARCHIVED = "ARCHIVED"


class Domain(StrEnum):
    """What a document is about, as far as a question can be narrowed to it."""

    POLICY = "POLICY"
    EDUCATION = "EDUCATION"
    SECURITY = "SECURITY"
    HR = "HR"


class Action(StrEnum):
    """What can happen to a document version, as its history tells it."""

    REGISTERED = "REGISTERED"
    UPLOADED = "UPLOADED"
    EXPIRED = "EXPIRED"
    READY = "READY"
    RETRIED = "RETRIED"
    FAILED = "FAILED"
    FILE_REMOVED = "FILE_REMOVED"
    REPROCESSED = "REPROCESSED"
    SUBMITTED = "SUBMITTED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SEARCHABLE = "SEARCHABLE"
    ARCHIVED = "ARCHIVED"
    DELETED = "DELETED"
    REMOVED = "REMOVED"

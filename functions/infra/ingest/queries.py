"""Every statement of `infra-ingest`. A change of state is one conditional UPDATE: a repeated or late event changes nothing."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.sql import SQL
from psycopg.types.json import Jsonb

from functions.infra.states import Action, ProcessingState
from shared.db import Query


@dataclass(frozen=True, slots=True)
class ObjectRow:
    id: UUID
    size: int
    processing_state: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """A version as the LLM host is told of it, and how far we know its processing to be."""

    id: UUID
    document_id: UUID
    number: int
    title: str
    domain: str
    departments: list[str]
    filename: str
    content_type: str
    size: int
    sha256: str
    object_key: str
    object_version: str | None
    attempt: int
    stage: str | None
    progress: int


@dataclass(frozen=True, slots=True)
class UnsettledRow(JobRow):
    """A version whose row wants something of the LLM host: `step` is PROCESS, ACTIVATE or REMOVE."""

    step: str


@dataclass(frozen=True, slots=True)
class AwaitedRow:
    id: UUID
    object_key: str
    size: int


# Files.

find_object = Query(
    ObjectRow,
    "SELECT id, size, processing_state FROM infra.document_version WHERE object_key = %(object_key)s",
    object_key=str,
)
# Sequencers are compared as Amazon says: as text of hexadecimal digits, the shorter one padded with zeros on the right.
see_object = Query(
    UUID,
    "UPDATE infra.document_version SET object_sequencer = coalesce(%(sequencer)s::text, object_sequencer),"
    " object_version = coalesce(%(object_version)s::text, object_version) WHERE id = %(id)s"
    " AND (%(sequencer)s::text IS NULL OR object_sequencer IS NULL"
    " OR rpad(upper(object_sequencer), 64, '0') COLLATE \"C\" < rpad(upper(%(sequencer)s), 64, '0') COLLATE \"C\")"
    " RETURNING id",
    id=UUID,
    sequencer=str | None,
    object_version=str | None,
)
mark_uploaded = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'UPLOADED', updated_at = now() WHERE id = %(id)s"
    " AND processing_state = 'REGISTERED' RETURNING id",
    id=UUID,
)
fail_without_object = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'FAILED', failure_code = %(code)s, failure_reason = %(reason)s,"
    " updated_at = now() WHERE id = %(id)s AND processing_state IN ('REGISTERED', 'UPLOADED') RETURNING id",
    id=UUID,
    code=str,
    reason=str,
)

# What a row wants of the LLM host. A version that was replaced stays findable until the one that replaced it is.

_JOB = SQL(
    "id, document_id, number, title, domain, departments, filename, content_type, size, sha256, object_key, object_version,"
    " attempt, stage, progress"
)
_STEP = SQL(
    "CASE WHEN processing_state = 'REMOVING' THEN 'REMOVE' WHEN processing_state = 'UPLOADED' THEN 'PROCESS'"
    " WHEN processing_state = 'READY' AND review_state = 'APPROVED' AND searchable_at IS NULL THEN 'ACTIVATE'"
    " WHEN processing_state IN ('READY', 'FAILED') AND review_state = 'ARCHIVED' AND searchable_at IS NULL"
    " AND removed_at IS NULL THEN 'REMOVE' END"
)
find_unsettled = Query(
    UnsettledRow,
    SQL(
        "SELECT * FROM (SELECT {job}, {step} AS step FROM infra.document_version WHERE id = %(id)s) v"
        " WHERE step IS NOT NULL"
    ).format(job=_JOB, step=_STEP),
    id=UUID,
)
# Touched as they are taken: what does not settle goes to the end of the queue.
take_unsettled = Query(
    UUID,
    SQL(
        "UPDATE infra.document_version SET updated_at = now() WHERE id IN (SELECT id FROM infra.document_version"
        " WHERE {step} IS NOT NULL AND updated_at < %(before)s ORDER BY updated_at LIMIT %(take)s"
        " FOR UPDATE SKIP LOCKED) RETURNING id"
    ).format(step=_STEP),
    before=datetime,
    take=int,
)
list_silent = Query(
    JobRow,
    SQL(
        "SELECT {job} FROM infra.document_version WHERE processing_state = 'PROCESSING' AND updated_at < %(before)s"
        " ORDER BY updated_at LIMIT %(take)s"
    ).format(job=_JOB),
    before=datetime,
    take=int,
)
list_never_uploaded = Query(
    AwaitedRow,
    "SELECT id, object_key, size FROM infra.document_version WHERE processing_state = 'REGISTERED'"
    " AND created_at < %(before)s ORDER BY created_at LIMIT %(take)s",
    before=datetime,
    take=int,
)
expire = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'EXPIRED', updated_at = now() WHERE id = %(id)s"
    " AND processing_state = 'REGISTERED' RETURNING id",
    id=UUID,
)

# Processing. Everything is bound to the attempt that a report or an answer is about.

# The host has taken an attempt: it has answered so, or it reports about one that we do not know of yet.
accept = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'PROCESSING', attempt = %(attempt)s, stage = NULL, progress = 0,"
    " removed_at = NULL, updated_at = now() WHERE id = %(id)s AND processing_state = 'UPLOADED'"
    " AND attempt < %(attempt)s RETURNING id",
    id=UUID,
    attempt=int,
)
find_state = Query(ProcessingState, "SELECT processing_state FROM infra.document_version WHERE id = %(id)s", id=UUID)
progress = Query[None](
    None,
    "UPDATE infra.document_version SET stage = CASE WHEN %(progress)s >= progress THEN %(stage)s::text ELSE stage END,"
    " progress = greatest(progress, %(progress)s), updated_at = now() WHERE id = %(id)s AND attempt = %(attempt)s"
    " AND processing_state = 'PROCESSING'",
    id=UUID,
    attempt=int,
    stage=str | None,
    progress=int,
)
# Holds the row, so that the batches of one version are written one after the other.
hold_processing = Query(
    UUID,
    "UPDATE infra.document_version SET updated_at = now() WHERE id = %(id)s AND attempt = %(attempt)s"
    " AND processing_state = 'PROCESSING' RETURNING id",
    id=UUID,
    attempt=int,
)
drop_older_chunks = Query[None](
    None,
    "DELETE FROM infra.document_chunk WHERE version_id = %(version_id)s AND attempt < %(attempt)s",
    version_id=UUID,
    attempt=int,
)
put_chunks = Query[None](
    None,
    "INSERT INTO infra.document_chunk (version_id, position, attempt, text, page, heading, clause)"
    " SELECT %(version_id)s, c.position, %(attempt)s, c.text, c.page, c.heading, c.clause"
    " FROM jsonb_to_recordset(%(chunks)s) AS c(position integer, text text, page integer, heading text, clause text)"
    " ON CONFLICT (version_id, position) DO UPDATE SET attempt = excluded.attempt, text = excluded.text,"
    " page = excluded.page, heading = excluded.heading, clause = excluded.clause",
    version_id=UUID,
    attempt=int,
    chunks=Jsonb,
)
count_chunks = Query(
    int,
    "SELECT count(*) FROM infra.document_chunk WHERE version_id = %(version_id)s AND attempt = %(attempt)s",
    version_id=UUID,
    attempt=int,
)
# What is processed again while it is approved has to be activated again.
finish = Query[None](
    None,
    "UPDATE infra.document_version SET processing_state = 'READY', stage = NULL, progress = 100, pages = %(pages)s,"
    " characters = %(characters)s, chunks = %(chunks)s, searchable_at = NULL, updated_at = now() WHERE id = %(id)s"
    " AND attempt = %(attempt)s AND processing_state = 'PROCESSING'",
    id=UUID,
    attempt=int,
    pages=int,
    characters=int,
    chunks=int,
)
fail = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'FAILED', stage = NULL, failure_code = %(code)s,"
    " failure_reason = %(reason)s, updated_at = now() WHERE id = %(id)s AND attempt = %(attempt)s"
    " AND processing_state = %(state)s RETURNING id",
    id=UUID,
    attempt=int,
    state=ProcessingState,
    code=str,
    reason=str,
)
try_again = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'UPLOADED', stage = NULL, progress = 0, retries = retries + 1,"
    " updated_at = now() WHERE id = %(id)s AND attempt = %(attempt)s AND processing_state = %(state)s"
    " AND retries < %(most)s RETURNING id",
    id=UUID,
    attempt=int,
    state=ProcessingState,
    most=int,
)

# Search.

# Taken before the rows of several versions of a document are changed, as `infra-documents` does.
lock_document_of = Query(
    UUID,
    "SELECT id FROM infra.document WHERE id = (SELECT document_id FROM infra.document_version WHERE id = %(version_id)s)"
    " FOR UPDATE",
    version_id=UUID,
)
make_searchable = Query(
    UUID,
    "UPDATE infra.document_version SET searchable_at = now(), retries = 0, updated_at = now() WHERE id = %(id)s"
    " AND processing_state = 'READY' AND review_state = 'APPROVED' AND searchable_at IS NULL RETURNING document_id",
    id=UUID,
)
withdraw_replaced = Query(
    UUID,
    "UPDATE infra.document_version SET searchable_at = NULL, updated_at = now() WHERE document_id = %(document_id)s"
    " AND review_state = 'ARCHIVED' AND searchable_at IS NOT NULL RETURNING id",
    document_id=UUID,
)
note_vectors_gone = Query[None](
    None,
    "UPDATE infra.document_version SET removed_at = now() WHERE id = %(id)s AND review_state = 'ARCHIVED'"
    " AND processing_state IN ('READY', 'FAILED') AND searchable_at IS NULL",
    id=UUID,
)
find_key_to_remove = Query(
    str, "SELECT object_key FROM infra.document_version WHERE id = %(id)s AND processing_state = 'REMOVING'", id=UUID
)
mark_removed = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'REMOVED', removed_at = now(), updated_at = now()"
    " WHERE id = %(id)s AND processing_state = 'REMOVING' RETURNING id",
    id=UUID,
)
drop_chunks = Query[None](None, "DELETE FROM infra.document_chunk WHERE version_id = %(version_id)s", version_id=UUID)
add_history = Query[None](
    None,
    "INSERT INTO infra.document_history (id, version_id, action, detail)"
    " VALUES (%(id)s, %(version_id)s, %(action)s, %(detail)s::text)",
    id=UUID,
    version_id=UUID,
    action=Action,
    detail=str | None,
)

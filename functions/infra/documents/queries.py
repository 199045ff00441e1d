"""Every statement of `infra-documents`. A change of state is one conditional UPDATE, without a row where it may not be."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from psycopg.sql import SQL

from functions.infra.states import Action, Domain, ProcessingState, ReviewState
from shared.db import Query


@dataclass(frozen=True, slots=True)
class VersionRow:
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
    change_summary: str | None
    created_by: UUID
    processing_state: str
    attempt: int
    stage: str | None
    progress: int
    failure_code: str | None
    failure_reason: str | None
    pages: int | None
    characters: int | None
    chunks: int | None
    review_state: str
    reviewed_by: UUID | None
    review_comment: str | None
    searchable_at: datetime | None
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class ListedRow(VersionRow):
    owner: UUID
    document_created_at: datetime
    document_updated_at: datetime
    versions: int


@dataclass(frozen=True, slots=True)
class DocumentRow:
    id: UUID
    owner: UUID
    created_at: datetime
    updated_at: datetime


@dataclass(frozen=True, slots=True)
class FileRow:
    id: UUID
    object_key: str
    object_version: str | None
    upload_id: str | None
    content_type: str
    size: int
    sha256: str
    processing_state: str


@dataclass(frozen=True, slots=True)
class HistoryRow:
    action: str
    actor: UUID | None
    detail: str | None
    at: datetime


@dataclass(frozen=True, slots=True)
class ChunkRow:
    position: int
    text: str
    page: int | None
    heading: str | None
    clause: str | None


_VERSION = SQL(
    "v.id, v.document_id, v.number, v.title, v.domain, v.departments, v.filename, v.content_type, v.size, v.sha256,"
    " v.change_summary, v.created_by, v.processing_state, v.attempt, v.stage, v.progress, v.failure_code, v.failure_reason,"
    " v.pages, v.characters, v.chunks, v.review_state, v.reviewed_by, v.review_comment, v.searchable_at, v.created_at,"
    " v.updated_at"
)
_LIVE_VERSION = SQL("infra.document_version v JOIN infra.document d ON d.id = v.document_id AND d.deleted_at IS NULL")
# What an employee may see: what answers are drawn from for their department. Those who manage or review see everything.
_VISIBLE = SQL(
    "(%(staff)s::boolean OR v.searchable_at IS NOT NULL"
    " AND (cardinality(v.departments) = 0 OR %(department)s::text = ANY(v.departments)))"
)
_ONE = SQL("v.document_id = %(document_id)s AND v.number = %(number)s")

# Reading.

list_documents = Query(
    ListedRow,
    SQL(
        "SELECT {version}, d.owner, d.created_at AS document_created_at, d.updated_at AS document_updated_at,"
        " (SELECT count(*) FROM infra.document_version c WHERE c.document_id = d.id) AS versions"
        " FROM infra.document d JOIN LATERAL (SELECT * FROM infra.document_version m WHERE m.document_id = d.id"
        " AND (%(domain)s::text IS NULL OR m.domain = %(domain)s)"
        " AND (%(processing_state)s::text IS NULL OR m.processing_state = %(processing_state)s)"
        " AND (%(review_state)s::text IS NULL OR m.review_state = %(review_state)s)"
        " AND (%(search)s::text IS NULL OR strpos(lower(m.title), lower(%(search)s)) > 0)"
        " AND (%(created_by)s::uuid IS NULL OR m.created_by = %(created_by)s)"
        " ORDER BY m.number DESC LIMIT 1) v ON true"
        " WHERE d.deleted_at IS NULL"
        " AND (%(after_at)s::timestamptz IS NULL OR (d.created_at, d.id) < (%(after_at)s, %(after_id)s::uuid))"
        " ORDER BY d.created_at DESC, d.id DESC LIMIT %(take)s"
    ).format(version=_VERSION),
    domain=Domain | None,
    processing_state=ProcessingState | None,
    review_state=ReviewState | None,
    search=str | None,
    created_by=UUID | None,
    after_at=datetime | None,
    after_id=UUID | None,
    take=int,
)
find_document = Query(
    DocumentRow,
    "SELECT id, owner, created_at, updated_at FROM infra.document WHERE id = %(id)s AND deleted_at IS NULL",
    id=UUID,
)
visible_versions = Query(
    VersionRow,
    SQL(
        "SELECT {version} FROM {live_version} WHERE v.document_id = %(document_id)s AND {visible} ORDER BY v.number DESC"
    ).format(version=_VERSION, live_version=_LIVE_VERSION, visible=_VISIBLE),
    document_id=UUID,
    staff=bool,
    department=str | None,
)
find_version = Query(
    VersionRow,
    SQL("SELECT {version} FROM {live_version} WHERE {one} AND {visible}").format(
        version=_VERSION, live_version=_LIVE_VERSION, one=_ONE, visible=_VISIBLE
    ),
    document_id=UUID,
    number=int,
    staff=bool,
    department=str | None,
)
find_version_by_id = Query(
    VersionRow,
    SQL("SELECT {version} FROM infra.document_version v WHERE v.id = %(id)s").format(version=_VERSION),
    id=UUID,
)
find_file = Query(
    FileRow,
    "SELECT id, object_key, object_version, upload_id, content_type, size, sha256, processing_state"
    " FROM infra.document_version WHERE id = %(id)s",
    id=UUID,
)
list_history = Query(
    HistoryRow,
    "SELECT action, actor, detail, at FROM infra.document_history WHERE version_id = %(version_id)s ORDER BY at, id",
    version_id=UUID,
)
list_chunks = Query(
    ChunkRow,
    "SELECT position, text, page, heading, clause FROM infra.document_chunk"
    " WHERE version_id = %(version_id)s AND position > %(after)s ORDER BY position LIMIT %(take)s",
    version_id=UUID,
    after=int,
    take=int,
)

# Registering.

add_document = Query[None](
    None, "INSERT INTO infra.document (id, owner) VALUES (%(id)s, %(owner)s)", id=UUID, owner=UUID
)
add_first_version = Query[None](
    None,
    "INSERT INTO infra.document_version (id, document_id, number, title, domain, departments, filename, content_type, size,"
    " sha256, change_summary, object_key, created_by) VALUES (%(id)s, %(document_id)s, 1, %(title)s, %(domain)s,"
    " %(departments)s, %(filename)s, %(content_type)s, %(size)s, %(sha256)s, %(change_summary)s, %(object_key)s,"
    " %(created_by)s)",
    id=UUID,
    document_id=UUID,
    title=str,
    domain=Domain,
    departments=list[str],
    filename=str,
    content_type=str,
    size=int,
    sha256=str,
    change_summary=str | None,
    object_key=str,
    created_by=UUID,
)
# Its lock is what makes version numbers unique and approvals take turns: whoever changes a document's versions comes here first.
lock_document = Query(
    UUID, "UPDATE infra.document SET updated_at = now() WHERE id = %(id)s AND deleted_at IS NULL RETURNING id", id=UUID
)
add_next_version = Query[None](
    None,
    "INSERT INTO infra.document_version (id, document_id, number, title, domain, departments, filename, content_type, size,"
    " sha256, change_summary, object_key, created_by) SELECT %(id)s, document_id, number + 1,"
    " coalesce(%(title)s::text, title), coalesce(%(domain)s::text, domain),"
    " coalesce(%(departments)s::text[], departments), %(filename)s, %(content_type)s, %(size)s, %(sha256)s,"
    " %(change_summary)s::text, %(object_key)s, %(created_by)s FROM infra.document_version"
    " WHERE document_id = %(document_id)s ORDER BY number DESC LIMIT 1",
    id=UUID,
    document_id=UUID,
    title=str | None,
    domain=Domain | None,
    departments=list[str] | None,
    filename=str,
    content_type=str,
    size=int,
    sha256=str,
    change_summary=str | None,
    object_key=str,
    created_by=UUID,
)
keep_upload_id = Query(
    str,
    "UPDATE infra.document_version SET upload_id = coalesce(upload_id, %(upload_id)s) WHERE id = %(id)s RETURNING upload_id",
    id=UUID,
    upload_id=str,
)
mark_uploaded = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'UPLOADED', object_version = %(object_version)s::text,"
    " updated_at = now() WHERE id = %(id)s AND processing_state = 'REGISTERED' RETURNING id",
    id=UUID,
    object_version=str | None,
)

# Changing.

reprocess = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'UPLOADED', stage = NULL, progress = 0, retries = 0,"
    " failure_code = NULL, failure_reason = NULL, updated_at = now() WHERE document_id = %(document_id)s"
    " AND number = %(number)s AND processing_state IN ('READY', 'FAILED') AND review_state <> 'ARCHIVED' RETURNING id",
    document_id=UUID,
    number=int,
)
submit = Query(
    UUID,
    "UPDATE infra.document_version SET review_state = 'PENDING', reviewed_by = NULL, review_comment = NULL,"
    " updated_at = now() WHERE document_id = %(document_id)s AND number = %(number)s AND processing_state = 'READY'"
    " AND review_state IN ('DRAFT', 'REJECTED') RETURNING id",
    document_id=UUID,
    number=int,
)
archive_older_approved = Query(
    UUID,
    "UPDATE infra.document_version SET review_state = 'ARCHIVED', updated_at = now() WHERE document_id = %(document_id)s"
    " AND number < %(number)s AND review_state = 'APPROVED' RETURNING id",
    document_id=UUID,
    number=int,
)
approve = Query(
    UUID,
    "UPDATE infra.document_version v SET review_state = 'APPROVED', reviewed_by = %(reviewer)s, updated_at = now()"
    " WHERE document_id = %(document_id)s AND number = %(number)s AND processing_state = 'READY'"
    " AND review_state = 'PENDING' AND created_by <> %(reviewer)s AND NOT EXISTS (SELECT 1 FROM infra.document_version n"
    " WHERE n.document_id = v.document_id AND n.review_state = 'APPROVED') RETURNING id",
    document_id=UUID,
    number=int,
    reviewer=UUID,
)
reject = Query(
    UUID,
    "UPDATE infra.document_version SET review_state = 'REJECTED', reviewed_by = %(reviewer)s, review_comment = %(reason)s,"
    " updated_at = now() WHERE document_id = %(document_id)s AND number = %(number)s AND review_state = 'PENDING'"
    " AND created_by <> %(reviewer)s AND processing_state NOT IN ('REMOVING', 'REMOVED') RETURNING id",
    document_id=UUID,
    number=int,
    reviewer=UUID,
    reason=str,
)
archive = Query(
    UUID,
    "UPDATE infra.document_version SET review_state = 'ARCHIVED', searchable_at = NULL, updated_at = now()"
    " WHERE document_id = %(document_id)s AND number = %(number)s AND review_state = 'APPROVED'"
    " AND processing_state IN ('READY', 'FAILED') RETURNING id",
    document_id=UUID,
    number=int,
)
# A version that was replaced stays findable until the next one is; when that is archived before, both have to go.
withdraw_replaced = Query(
    UUID,
    "UPDATE infra.document_version SET searchable_at = NULL, updated_at = now() WHERE document_id = %(document_id)s"
    " AND review_state = 'ARCHIVED' AND searchable_at IS NOT NULL RETURNING id",
    document_id=UUID,
)
delete_document = Query(
    UUID,
    "UPDATE infra.document SET deleted_at = now(), updated_at = now() WHERE id = %(id)s AND deleted_at IS NULL RETURNING id",
    id=UUID,
)
remove_versions = Query(
    UUID,
    "UPDATE infra.document_version SET processing_state = 'REMOVING', searchable_at = NULL, failure_code = NULL,"
    " failure_reason = NULL, updated_at = now() WHERE document_id = %(document_id)s"
    " AND processing_state NOT IN ('REMOVING', 'REMOVED') RETURNING id",
    document_id=UUID,
)
add_history = Query[None](
    None,
    "INSERT INTO infra.document_history (id, version_id, action, actor, detail)"
    " VALUES (%(id)s, %(version_id)s, %(action)s, %(actor)s::uuid, %(detail)s::text)",
    id=UUID,
    version_id=UUID,
    action=Action,
    actor=UUID,
    detail=str | None,
)

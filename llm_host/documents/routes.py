"""`/v1/documents/{id}`: jobs for versions of documents. Every call may be repeated."""

import asyncio
from collections.abc import Callable
from typing import Annotated, ParamSpec
from uuid import UUID

from fastapi import APIRouter
from pydantic import BaseModel, ConfigDict, Field, StringConstraints

from llm_host.documents.extract.limits import MAX_FILE_BYTES
from llm_host.documents.store import Job, Source, Version
from llm_host.host import Host, HostOf
from shared.log import trace_id

router = APIRouter()

Name = Annotated[str, StringConstraints(min_length=1, max_length=200)]


class ProcessRequest(BaseModel):
    """A version and where its file is."""

    model_config = ConfigDict(extra="forbid")

    document_id: UUID
    attempt: Annotated[int, Field(ge=1)]
    title: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    number: Annotated[int, Field(ge=1)]
    domain: Name
    departments: Annotated[list[Name], Field(max_length=200)]
    filename: Annotated[str, StringConstraints(min_length=1, max_length=500)]
    content_type: Name
    size: Annotated[int, Field(ge=0, le=MAX_FILE_BYTES)]
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-fA-F]{64}$")]
    url: Annotated[str, StringConstraints(min_length=1, max_length=4000)]


class JobAnswer(BaseModel):
    """The latest job of a version."""

    id: str
    attempt: int
    kind: str
    state: str
    stage: str | None
    progress: int
    code: str | None
    reason: str | None


@router.put("/{version_id}", status_code=202, response_model=JobAnswer)
async def process(version_id: UUID, request: ProcessRequest, host: HostOf) -> Job:
    """Gives a version to be processed; an attempt that is not higher than the known one changes nothing."""
    version = Version(
        str(version_id), str(request.document_id), request.title, request.number, request.domain, request.departments
    )
    source = Source(request.filename, request.content_type, request.size, request.sha256, request.url)
    return await _change(host, host.store.submit, version, source, request.attempt, trace_id.get())


@router.get("/{version_id}", response_model=JobAnswer)
async def show(version_id: UUID, host: HostOf) -> Job:
    """The job of a version."""
    return await asyncio.to_thread(host.store.job, str(version_id))


@router.post("/{version_id}/cancel", status_code=202, response_model=JobAnswer)
async def cancel(version_id: UUID, host: HostOf) -> Job:
    """Stops the processing of a version; its vectors are removed."""
    return await _change(host, host.store.cancel, str(version_id))


@router.post("/{version_id}/activate", status_code=202, response_model=JobAnswer)
async def activate(version_id: UUID, host: HostOf) -> Job:
    """Makes a version findable and its document's other versions not."""
    return await _change(host, host.store.activate, str(version_id), trace_id.get())


@router.delete("/{version_id}", status_code=202, response_model=JobAnswer)
async def remove(version_id: UUID, host: HostOf) -> Job:
    """Makes a version unfindable at once, and deletes its vectors."""
    return await _change(host, host.store.remove, str(version_id), trace_id.get())


P = ParamSpec("P")


async def _change(host: Host, change: Callable[P, Job], *arguments: P.args, **named: P.kwargs) -> Job:
    """Makes a change and tells the workers."""
    job = await asyncio.to_thread(change, *arguments, **named)
    host.wake()
    return job

"""`infra-ingest`: from an object in S3 to a document that answers are drawn from, by events alone."""

from functions.infra.ingest import objects, reports, service
from functions.infra.ingest.schemas import (
    Chunked,
    Failed,
    Indexed,
    Progressed,
    S3Notification,
    VersionChanged,
    read,
    read_id,
)
from functions.infra.ingest.sweep import sweep
from shared.context import Context
from shared.events import MINUTE_PASSED, CloudEvent
from shared.function import create_api, event_target, minute_passed


async def on_object(event: CloudEvent, context: Context) -> None:
    """S3 tells of objects that were created or removed."""
    await objects.take(context, read(S3Notification, event.data))


async def on_change(event: CloudEvent, context: Context) -> None:
    """Somebody has uploaded, approved or withdrawn a version."""
    await service.settle(context, read(VersionChanged, event.data).version_id)


async def on_progressed(event: CloudEvent, context: Context) -> None:
    """The LLM host is working on a version."""
    await reports.progressed(context, event, read_id(event.subject), read(Progressed, event.data))


async def on_chunked(event: CloudEvent, context: Context) -> None:
    """The LLM host has cut a version into passages."""
    await reports.chunked(context, event, read_id(event.subject), read(Chunked, event.data))


async def on_indexed(event: CloudEvent, context: Context) -> None:
    """The LLM host holds every vector of a version; one that is approved already wants to be activated."""
    version_id = read_id(event.subject)
    await reports.indexed(context, event, version_id, read(Indexed, event.data))
    await service.settle(context, version_id)


async def on_failed(event: CloudEvent, context: Context) -> None:
    """The LLM host could not process a version."""
    await reports.failed(context, event, read_id(event.subject), read(Failed, event.data))


async def on_activated(event: CloudEvent, context: Context) -> None:
    """The LLM host finds a version from now on."""
    await reports.activated(context, read_id(event.subject))


async def on_removed(event: CloudEvent, context: Context) -> None:
    """The LLM host holds no vector of a version any more."""
    await reports.removed(context, read_id(event.subject))


async def on_minute(event: CloudEvent, context: Context) -> None:
    """A minute has passed: events that were not sent, rows that were left behind."""
    await minute_passed(event, context)
    await sweep(context, event.time)


api = create_api(
    "infra-ingest",
    events={
        "dev.knative.eventing.aws-sqs": on_object,
        "baeum.infra.document.uploaded": on_change,
        "baeum.infra.document.approved": on_change,
        "baeum.infra.document.withdrawn": on_change,
        "baeum.llm.document.progressed": on_progressed,
        "baeum.llm.document.chunked": on_chunked,
        "baeum.llm.document.indexed": on_indexed,
        "baeum.llm.document.failed": on_failed,
        "baeum.llm.document.activated": on_activated,
        "baeum.llm.document.removed": on_removed,
        MINUTE_PASSED: on_minute,
    },
)
event = event_target(api)

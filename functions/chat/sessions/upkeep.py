"""What is done every minute for the whole service: lost answers fail, old streams are forgotten."""

from datetime import UTC, datetime, timedelta
from uuid import UUID

from functions.chat.sessions import queries
from shared.context import Context
from shared.events import CloudEvent
from shared.function import minute_passed as relay_outbox

KEEP_EVENTS = timedelta(hours=25)  # an hour more than they are offered for


async def minute_passed(event: CloudEvent, context: Context) -> None:
    """The handler of `baeum.platform.minute.passed`."""
    async with context.database.transaction() as session:
        await session.run(queries.fail_lost, turn_id=None)
        await session.run(queries.forget_events, before=_first_id_of(datetime.now(UTC) - KEEP_EVENTS))
    await relay_outbox(event, context)


def _first_id_of(moment: datetime) -> UUID:
    """The smallest UUIDv7 of a moment (RFC 9562, section 5.7: milliseconds in the first 48 bits)."""
    return UUID(int=int(moment.timestamp() * 1000) << 80)

"""What surrounds every request: trace and request ids, and one access line in the log."""

import logging
import os
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import log
from shared.ids import uuid7

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_QUIET = ("/healthz", "/readyz")

access = logging.getLogger("access")


def traceparent() -> str | None:
    """The W3C trace context to send along from here: the current trace, a new parent id."""
    trace = log.trace_id.get()
    return f"00-{trace}-{os.urandom(8).hex()}-01" if trace else None


class RequestContext:
    """Takes or makes the trace id (W3C `traceparent`) and request id, echoes the latter, and logs each request once."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        trace = _TRACEPARENT.fullmatch(headers.get("traceparent", ""))
        log.trace_id.set(trace[1] if trace else os.urandom(16).hex())
        given = headers.get("x-request-id", "")
        log.request_id.set(given if _REQUEST_ID.fullmatch(given) else str(uuid7()))
        status = 500
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = log.request_id.get()
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        finally:
            if not scope["path"].endswith(_QUIET):
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                fields = {"method": scope["method"], "path": scope["path"], "status": status, "ms": milliseconds}
                access.info("request", extra=fields)

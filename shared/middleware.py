"""What surrounds every request: trace and request ids, one access line in the log, and a limit on the body."""

import logging
import os
import re
import time

from starlette.datastructures import Headers, MutableHeaders
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from shared import log
from shared.errors import Problem, too_large
from shared.ids import uuid7

MAX_BODY_BYTES = 1 << 20

_TRACEPARENT = re.compile(r"00-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}")
_REQUEST_ID = re.compile(r"[\w.:-]{1,100}", re.ASCII)
_QUIET = ("/healthz", "/readyz")

access = logging.getLogger("access")
unforeseen = logging.getLogger("unforeseen")


def traceparent() -> str | None:
    """The W3C trace context to send along from here: the current trace, a new parent id."""
    trace = log.trace_id.get()
    return f"00-{trace}-{os.urandom(8).hex()}-01" if trace else None


class RequestContext:
    """Takes or makes the trace id (W3C `traceparent`) and request id, echoes the latter, and logs each request once.

    The outermost layer of ours, and so the place where an unforeseen exception is logged and becomes a 500.
    """

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
        status = 0
        started = time.perf_counter()

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)["X-Request-Id"] = log.request_id.get()
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception:
            unforeseen.exception("unforeseen error")
            if status:
                raise  # the answer has begun: break the connection, so that nobody takes it for whole
            await internal_error().response()(scope, receive, send_with_id)
        finally:
            if not scope["path"].endswith(_QUIET):
                milliseconds = round((time.perf_counter() - started) * 1000, 1)
                fields = {"method": scope["method"], "path": scope["path"], "status": status, "ms": milliseconds}
                access.info("request", extra=fields)


class BodyLimit:
    """Answers 413 to a body over `MAX_BODY_BYTES`, announced or not, before it is held in memory.

    FastAPI's own limit answers in plain text, which no handler can change.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        announced = Headers(scope=scope).get("content-length", "0")
        if announced.isdecimal() and int(announced) > MAX_BODY_BYTES:
            await body_too_large().response()(scope, receive, send)
            return
        seen = 0

        async def receive_counted() -> Message:
            nonlocal seen
            message = await receive()
            seen += len(message.get("body", b""))
            if seen > MAX_BODY_BYTES:
                raise HTTPException(413)  # the one kind of exception that FastAPI lets through while it reads
            return message

        await self._app(scope, receive_counted, send)


def internal_error() -> Problem:
    """500: a bug; the log knows more."""
    return Problem(500, "internal", "예상하지 못한 오류가 발생했습니다. 잠시 후 다시 시도해 주세요.")


def body_too_large() -> Problem:
    """413: a request body over the limit."""
    return too_large("request.too_large", "요청이 너무 큽니다. 1 MB 이하로 보내 주세요.")

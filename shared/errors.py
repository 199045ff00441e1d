"""Errors as values with stable codes, and how they look on the wire: RFC 9457 problem details."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from starlette.responses import JSONResponse

from shared.log import trace_id


class Problem(Exception):  # noqa: N818 - it is the standard's word
    """Something the caller should know: an HTTP status, a stable code, and a sentence for a person (Korean).

    `retry_after` is in whole seconds. Raised anywhere below an endpoint, it becomes the answer.
    """

    def __init__(
        self,
        status: int,
        code: str,
        detail: str,
        *,
        retry_after: int | None = None,
        errors: Sequence[Mapping[str, Any]] = (),
    ) -> None:
        super().__init__(code)
        self.status = status
        self.code = code
        self.detail = detail
        self.retry_after = retry_after
        self.errors = errors

    def body(self) -> dict[str, Any]:
        """The problem document: type, title, status, detail, code, trace_id and, for validation, errors."""
        document: dict[str, Any] = {
            "type": f"urn:baeum:problem:{self.code}",
            "title": HTTPStatus(self.status).phrase,
            "status": self.status,
            "detail": self.detail,
            "code": self.code,
            "trace_id": trace_id.get(),
        }
        if self.errors:
            document["errors"] = list(self.errors)
        return document

    def response(self) -> JSONResponse:
        """The HTTP answer."""
        headers = {"Retry-After": str(self.retry_after)} if self.retry_after is not None else None
        return JSONResponse(self.body(), self.status, headers, media_type="application/problem+json")


def malformed(code: str, detail: str) -> Problem:
    """400: the request cannot be read."""
    return Problem(400, code, detail)


def unauthorized(detail: str = "로그인이 필요합니다.") -> Problem:
    """401: nobody knows who is asking."""
    return Problem(401, "auth.required", detail)


def forbidden(code: str = "auth.forbidden", detail: str = "이 작업을 할 권한이 없습니다.") -> Problem:
    """403: the caller is known and may not do this."""
    return Problem(403, code, detail)


def not_found(code: str, detail: str) -> Problem:
    """404: it does not exist, or the caller may not know that it does."""
    return Problem(404, code, detail)


def conflict(code: str, detail: str) -> Problem:
    """409: the thing is not in a state that allows this."""
    return Problem(409, code, detail)


def stale() -> Problem:
    """412: somebody saved a newer version since the caller read it."""
    return Problem(412, "edit.stale", "다른 곳에서 먼저 수정되었습니다. 새로 고친 뒤 다시 시도해 주세요.")


def too_large(code: str, detail: str) -> Problem:
    """413: more than we take."""
    return Problem(413, code, detail)


def unprocessable(code: str, detail: str, errors: Sequence[Mapping[str, Any]] = ()) -> Problem:
    """422: readable, but it cannot be meant."""
    return Problem(422, code, detail, errors=errors)


def unavailable(code: str, detail: str, retry_after: int = 10) -> Problem:
    """503: something behind us is down; the same request may work after `retry_after` seconds."""
    return Problem(503, code, detail, retry_after=retry_after)

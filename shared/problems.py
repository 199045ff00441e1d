"""Every error of a FastAPI app as problem+json: ours, the framework's, and validation."""

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.responses import Response

from shared.errors import Problem, malformed, not_found, unprocessable
from shared.middleware import body_too_large


def answer_problems(api: FastAPI) -> None:
    """Registers the handlers."""
    api.add_exception_handler(Problem, _problem)
    api.add_exception_handler(HTTPException, _http)
    api.add_exception_handler(RequestValidationError, _validation)


async def _problem(_: Request, error: Exception) -> Response:
    assert isinstance(error, Problem)
    return error.response()


async def _http(_: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    if error.status_code == 404:
        return not_found("route.not_found", "없는 주소입니다.").response()
    if error.status_code == 413:
        return body_too_large().response()
    problem = Problem(error.status_code, f"http.{error.status_code}", "요청을 처리할 수 없습니다.")
    response = problem.response()
    response.headers.update(error.headers or {})
    return response


async def _validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    found = error.errors()
    if any(each["type"] == "json_invalid" for each in found):
        return malformed("request.malformed", "요청 본문이 올바른 JSON이 아닙니다.").response()
    if any(each["loc"][0] == "path" for each in found):
        return not_found("route.not_found", "없는 주소입니다.").response()
    errors = [{"pointer": _pointer(each["loc"]), "code": each["type"], "detail": each["msg"]} for each in found]
    return unprocessable("request.invalid", "입력한 내용을 확인해 주세요.", errors).response()


def _pointer(location: tuple[int | str, ...]) -> str:
    """Where a validation error is: a JSON pointer (RFC 6901) into the body, or `query/name` and `header/name`."""
    if location[0] == "body":
        return "/" + "/".join(str(part).replace("~", "~0").replace("/", "~1") for part in location[1:])
    return "/".join(str(part) for part in location)

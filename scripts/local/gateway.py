"""The way in: one port, the path decides the function, and bytes go through as they come."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import httpx
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.requests import ClientDisconnect, Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from scripts.local.activator import Activator, Pool, Replica
from scripts.local.status import page
from shared.errors import Problem, not_found

# RFC 9110, section 7.6.1: these speak of one connection and are not passed on.
_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding upgrade".split()
)
_LOCAL_ORIGINS = r"https?://(localhost|127\.0\.0\.1)(:\d+)?"
_EXPOSED = ["ETag", "Location", "Retry-After", "X-Request-Id", "Idempotency-Replayed"]

RawHeaders = list[tuple[bytes, bytes]]


def create_gateway(activator: Activator, status: Callable[[], Awaitable[dict[str, Any]]]) -> Starlette:
    """The gateway's app. `status` gives what the status page and `baeum ps` show."""

    async def status_page(_: Request) -> Response:
        return HTMLResponse(page(await status()))

    async def status_json(_: Request) -> Response:
        return JSONResponse(await status())

    cors = Middleware(
        CORSMiddleware,
        allow_origin_regex=_LOCAL_ORIGINS,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=_EXPOSED,
    )
    routes = [
        Route("/", status_page),
        Route("/_platform/status.json", status_json),
        Route("/{path:path}", Proxy(activator)),
    ]
    return Starlette(routes=routes, middleware=[cors])


class Proxy:
    """Answers every path under a function's prefix with what that function answers; all others with 404."""

    def __init__(self, activator: Activator) -> None:
        self._activator = activator

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = _Incoming(scope, receive)
        pool = self._activator.route(scope["path"])
        if pool is None:
            await not_found("route.not_found", "없는 주소입니다.").response()(scope, receive, send)
            return
        started = False

        async def sending(message: Any) -> None:  # noqa: ANN401 - an ASGI message
            nonlocal started
            started = True
            await send(message)

        try:
            async with asyncio.timeout(pool.function.timeout_seconds):
                await self._forward(request, pool, sending)
        except ClientDisconnect:
            return
        except (Problem, httpx.TransportError, TimeoutError) as error:
            if started:
                raise  # the server breaks the connection, so that nobody takes a part for the whole
            await _problem(pool, error).response()(scope, receive, send)

    async def _forward(self, request: "_Incoming", pool: Pool, send: Send) -> None:
        """Waits for a process and lets it answer, unless the client leaves first."""
        answering = asyncio.create_task(_answer(request, pool, send))
        leaving = asyncio.create_task(request.left())
        try:
            await asyncio.wait({answering, leaving}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            answering.cancel()
            leaving.cancel()
            await asyncio.wait({answering, leaving})
        if not answering.cancelled():
            answering.result()


class _Incoming(Request):
    """A request whose body is passed on as it arrives, and which tells when its client has left."""

    def __init__(self, scope: Scope, receive: Receive) -> None:
        super().__init__(scope, receive)
        self._read = asyncio.Event()
        if not self.has_body:
            self._read.set()

    @property
    def has_body(self) -> bool:
        """Whether the headers announce one."""
        return "transfer-encoding" in self.headers or self.headers.get("content-length", "0") != "0"

    async def body_parts(self) -> AsyncIterator[bytes]:
        """The body, in the pieces in which it arrives."""
        async for part in self.stream():
            if part:
                yield part
        self._read.set()

    async def left(self) -> None:
        """Returns when the client closes the connection; not before the body has been read, which uses the same channel."""
        await self._read.wait()
        while (await self.receive())["type"] != "http.disconnect":
            pass


async def _answer(request: _Incoming, pool: Pool, send: Send) -> None:
    while True:
        async with pool.slot() as replica:
            try:
                answer = await replica.client.send(_outgoing(request, replica), stream=True)
            except httpx.ConnectError:
                replica.lost = True
                continue  # nothing was sent yet: another process can answer
            try:
                await _pass_on(answer, send)
            finally:
                await answer.aclose()
            return


def _outgoing(request: _Incoming, replica: Replica) -> httpx.Request:
    path: bytes = request.scope["raw_path"]
    if request.scope["query_string"]:
        path += b"?" + request.scope["query_string"]
    client = request.client.host if request.client else "unknown"
    forwarded = request.headers.get("x-forwarded-for")
    headers = [
        *((name, value) for name, value in _passed(request.headers.raw) if not name.startswith(b"x-forwarded-")),
        (b"x-forwarded-for", (f"{forwarded}, {client}" if forwarded else client).encode()),
        (b"x-forwarded-proto", request.scope["scheme"].encode()),
        (b"x-forwarded-host", request.headers.get("host", "").encode()),
    ]
    body = request.body_parts() if request.has_body else None
    # As the target, and not in the URL, where httpx would resolve `..` and so reach paths that were not routed here.
    target = {"target": path}
    return httpx.Request(request.method, replica.client.base_url, headers=headers, content=body, extensions=target)


async def _pass_on(answer: httpx.Response, send: Send) -> None:
    headers = _passed([(name.lower(), value) for name, value in answer.headers.raw])
    await send({"type": "http.response.start", "status": answer.status_code, "headers": headers})
    async for part in answer.aiter_raw():
        await send({"type": "http.response.body", "body": part, "more_body": True})
    await send({"type": "http.response.body", "body": b"", "more_body": False})


def _passed(headers: RawHeaders) -> RawHeaders:
    """The headers without those of the connection, and those that its `Connection` header names."""
    named = {each.strip().lower() for name, value in headers if name == b"connection" for each in value.split(b",")}
    return [(name, value) for name, value in headers if name not in _HOP_BY_HOP | named]


def _problem(pool: Pool, error: Problem | httpx.TransportError | TimeoutError) -> Problem:
    if isinstance(error, Problem):
        return error
    name = pool.function.name
    if isinstance(error, TimeoutError):
        detail = f"함수 {name}이(가) {pool.function.timeout_seconds}초 안에 답하지 않았습니다."
        return Problem(504, "function.timeout", detail)
    detail = f"함수 {name}이(가) 답하는 중에 종료되었습니다. 로그의 마지막 줄을 확인해 주세요."
    return Problem(502, "function.crashed", detail, errors=[{"log": pool.log_tail()}])

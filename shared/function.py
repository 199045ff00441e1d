"""From routers and event handlers to one function: the app `api`, and the functions-framework targets `http` and `event`."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Any

from fastapi import APIRouter, FastAPI, Request, Response

from shared.auth import authenticator
from shared.config import Config
from shared.context import Context
from shared.errors import unprocessable
from shared.events import CloudEvent, parse
from shared.idempotency import IdempotencyQueries
from shared.middleware import BodyLimit, RequestContext
from shared.problems import answer_problems

DRAIN_SECONDS = 10.0  # for work that no request waits for, after the last request has been answered

Handler = Callable[[CloudEvent, Context], Awaitable[None]]


def create_api(name: str, router: APIRouter | None = None, events: Mapping[str, Handler] | None = None) -> FastAPI:
    """The app of the function `name` (`<service>-<group>`), serving `router` under `/api/<service>/<group>`.

    `events` maps CloudEvent types to handlers; they are delivered to `/_events`. Raises ConfigError when the environment
    does not allow a safe start.
    """
    service, group = name.split("-", 1)
    prefix = f"/api/{service}/{group}"
    context = Context(name, Config.from_env(service))
    api = FastAPI(
        title=name,
        openapi_url=f"{prefix}/openapi.json",
        docs_url=f"{prefix}/docs",
        redoc_url=None,
        lifespan=_lifespan,
    )
    api.state.context = context
    api.state.authenticate = authenticator(context.config.auth_mode)
    api.state.handlers = dict(events or {})
    api.add_middleware(BodyLimit)
    api.add_middleware(RequestContext)
    answer_problems(api)
    _add_health(api, prefix)
    if router is not None:
        api.include_router(router, prefix=prefix)
    if events:
        api.add_api_route("/_events", _receive, methods=["POST"], status_code=204, include_in_schema=False)
    return api


def http_target(api: FastAPI) -> Callable[[Request], Awaitable[Any]]:
    """The functions-framework target that serves the app: the framework awaits the app as if it were a response."""

    async def http(request: Request) -> FastAPI:
        request.scope.pop("router", None)
        request.scope["path_params"] = {}
        return api

    return http


def event_target(api: FastAPI) -> Callable[[Any], Awaitable[None]]:
    """The functions-framework CloudEvent target: the framework has parsed the event into its own class."""

    async def event(received: Any) -> None:  # noqa: ANN401 - the framework's class, which we do not import
        attributes = {f"ce-{name}": str(value) for name, value in received.get_attributes().items()}
        body = received.get_data()
        await dispatch(api, parse(attributes, body if isinstance(body, bytes) else json.dumps(body).encode()))

    return event


async def dispatch(api: FastAPI, event: CloudEvent) -> None:
    """Gives an event to the handler of its type. Raises a 422 problem, which is final, when there is none."""
    handler = api.state.handlers.get(event.type)
    if handler is None:
        raise unprocessable("event.unknown_type", f"이 함수가 받지 않는 이벤트입니다: {event.type}")
    await handler(event, api.state.context)


async def minute_passed(_: CloudEvent, context: Context) -> None:
    """The handler of `baeum.platform.minute.passed` for one function of each service: sends what the outbox still holds.

    It also forgets what is remembered only for a while: sent events, received ones, idempotency keys.
    """
    await context.outbox.relay()
    await context.outbox.forget()
    async with context.database.transaction() as session:
        await session.run(IdempotencyQueries(context.service).forget)


async def _receive(request: Request) -> Response:
    await dispatch(request.app, parse(dict(request.headers), await request.body()))
    return Response(status_code=204)


def _add_health(api: FastAPI, prefix: str) -> None:
    async def healthz() -> dict[str, str]:
        return {"status": "ok"}

    async def readyz(request: Request) -> dict[str, str]:
        """Ready to serve; the database is reported and not required, so a probe never wakes it."""
        return {"status": "ok", "database": request.app.state.context.database.state}

    api.add_api_route(f"{prefix}/healthz", healthz, include_in_schema=False)
    api.add_api_route(f"{prefix}/readyz", readyz, include_in_schema=False)


@asynccontextmanager
async def _lifespan(api: FastAPI) -> AsyncIterator[None]:
    yield
    await api.state.context.close(DRAIN_SECONDS)

"""The LLM host as an app: documents become findable, questions become answers. The contract: docs/architecture.md."""

import hmac
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from fastapi import APIRouter, Depends, FastAPI, Request, Response
from prometheus_client import CONTENT_TYPE_LATEST
from starlette.responses import JSONResponse

from llm_host.answers.routes import router as answers
from llm_host.documents.routes import router as documents
from llm_host.host import Host, HostOf
from llm_host.settings import Settings
from shared.errors import unauthorized
from shared.middleware import RequestContext
from shared.problems import answer_problems

MAX_BODY_BYTES = 1 << 20

health = APIRouter()


def create_api(settings: Settings) -> FastAPI:
    """The app; it opens its data when it starts to serve and closes them at the end. Only one process may have them open."""

    @asynccontextmanager
    async def lifespan(api: FastAPI) -> AsyncIterator[None]:
        host = Host(settings)
        api.state.host = host
        host.start()
        yield
        await host.close()

    api = FastAPI(title="llm-host", redoc_url=None, max_body_size=MAX_BODY_BYTES, lifespan=lifespan)
    api.add_middleware(RequestContext)
    answer_problems(api)
    guarded = [Depends(_token_check(settings.token))]
    api.include_router(health)
    api.add_api_route("/metrics", metrics, dependencies=guarded, include_in_schema=False)
    api.include_router(documents, prefix="/v1/documents", dependencies=guarded)
    api.include_router(answers, prefix="/v1", dependencies=guarded)
    return api


@health.get("/healthz")
async def healthz() -> dict[str, str]:
    """Whether the process lives."""
    return {"status": "ok"}


@health.get("/readyz")
async def readyz(host: HostOf) -> JSONResponse:
    """Whether the engine, the vectors and the workers are there: 200 or 503, and which is missing."""
    parts = await host.readiness()
    return JSONResponse(parts, 200 if all(parts.values()) else 503)


async def metrics(host: HostOf) -> Response:
    """For Prometheus."""
    return Response(host.metrics.render(), media_type=CONTENT_TYPE_LATEST)


def _token_check(token: str) -> Callable[[Request], None]:
    expected = f"Bearer {token}".encode()

    def check(request: Request) -> None:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, expected):
            raise unauthorized("LLM 호스트의 토큰이 필요합니다.")

    return check

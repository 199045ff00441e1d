"""The main job says when it was not done: the platform here is one that answers badly."""

import io
import re
from collections.abc import AsyncIterator, Callable

import httpx
import pytest
from rich.console import Console
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from scripts import demo
from scripts.local.serving import serving
from scripts.local.sockets import listen, port_of

QUESTION = {"question": "연차는 며칠인가요?", "department": None}
SOURCE = {"number": 1, "title": "취업규칙", "page": 3, "clause": "제14조(휴가)", "heading": None}
GROUNDED = (
    'event: sources\ndata: {"sources": [%s]}\n\n'
    'event: delta\ndata: {"text": "15일입니다. [1]"}\n\n'
    'event: done\ndata: {"cited": [1]}\n\n'
)

Answering = Callable[[str], None]


@pytest.fixture
async def client() -> AsyncIterator[tuple[httpx.AsyncClient, Answering]]:
    """A client of a platform that answers every question with what it is given."""
    stream = ""

    def answering(text: str) -> None:
        nonlocal stream
        stream = text

    async def session(_: Request) -> Response:
        return JSONResponse({"id": "s"}, 201)

    async def ask(_: Request) -> Response:
        if stream.startswith("{"):
            return Response(stream, 503)
        return Response(stream, media_type="text/event-stream")

    routes = [
        Route("/api/chat/sessions", session, methods=["POST"]),
        Route("/api/chat/messages", ask, methods=["POST"]),
    ]
    with listen() as listener:
        url = f"http://127.0.0.1:{port_of(listener)}"
        async with serving(Starlette(routes=routes), listener), httpx.AsyncClient(base_url=url) as connected:
            yield connected, answering


async def asked(client: tuple[httpx.AsyncClient, Answering], stream: str, title: str = "취업규칙") -> str:
    """What is printed for a question that is answered with a stream."""
    output = io.StringIO()
    http, answering = client
    answering(stream)
    await demo._ask(http, QUESTION, title, Console(file=output, width=200))
    return output.getvalue()


async def test_an_answer_is_printed_with_title_page_and_clause(client: tuple[httpx.AsyncClient, Answering]) -> None:
    printed = await asked(client, GROUNDED % demo.json.dumps(SOURCE))
    assert "15일입니다. [1]" in printed
    assert "  [1] 취업규칙, 3쪽, 제14조(휴가)" in printed


@pytest.mark.parametrize(
    ("stream", "words"),
    [
        (GROUNDED % "", "출처 없는 답변입니다."),
        (GROUNDED % demo.json.dumps(SOURCE | {"number": 2}), "출처 없는 답변입니다."),
        ('event: error\ndata: {"detail": "답변을 만들지 못했습니다."}\n\n', "답변을 만들지 못했습니다."),
        ('{"detail": "잠시 후 다시 시도해 주세요."}', "잠시 후 다시 시도해 주세요."),
        (GROUNDED % demo.json.dumps(SOURCE | {"title": "다른 문서"}), "출처에 '취업규칙'이(가) 없습니다."),
    ],
)
async def test_a_bad_answer_counts_as_failed(
    client: tuple[httpx.AsyncClient, Answering], stream: str, words: str
) -> None:
    with pytest.raises(demo.StepFailed, match=re.escape(words)):
        await asked(client, stream)


async def test_a_platform_that_is_gone_is_a_failed_job() -> None:
    with listen() as listener:
        url = f"http://127.0.0.1:{port_of(listener)}"
    output = io.StringIO()
    assert await demo.run(url, Console(file=output, width=200)) is False
    assert output.getvalue().count("✗") == 1 + demo.QUESTIONS

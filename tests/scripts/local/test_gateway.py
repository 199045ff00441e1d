"""The way through the gateway, byte for byte."""

import asyncio
import re
from collections.abc import AsyncIterator
from urllib.parse import quote

import httpx
import pytest

from scripts.local.activator import State
from tests.scripts.local.conftest import Local, Start, until

ECHO = "/api/cases/echo"


def to(path: str) -> httpx.Request:
    """A request for exactly this path; a client would tidy it up."""
    return httpx.Request("POST", "http://gateway", extensions={"target": path.encode()})


async def test_a_stream_comes_through_piece_by_piece(local: Local) -> None:
    async with local.client.stream("GET", f"{ECHO}/stream/gate") as answer:
        assert answer.headers["content-type"].startswith("text/event-stream")
        pieces = answer.aiter_text()
        assert await anext(pieces) == "data: first\n\n"
        await until(lambda: local.in_flight() == 1)  # the second piece does not exist yet
        await local.client.post(f"{ECHO}/open/gate")
        assert await anext(pieces) == "data: second\n\n"


async def test_a_client_that_leaves_a_stream_ends_it_in_the_function_too(start: Start) -> None:
    local = await start(max_scale=1)
    async with local.client.stream("GET", f"{ECHO}/stream/abandoned") as answer:
        await anext(answer.aiter_text())
    await until(lambda: local.in_flight() == 0)

    async def told() -> bool:
        return "abandoned" in (await local.client.get(f"{ECHO}/left")).json()

    await until(told)


async def test_a_client_that_leaves_before_the_answer_frees_its_place(local: Local) -> None:
    asking = asyncio.create_task(local.client.get(f"{ECHO}/wait/never"))
    await until(lambda: local.in_flight() == 1)
    asking.cancel()
    await until(lambda: local.in_flight() == 0)


@pytest.mark.parametrize(
    "path",
    [
        "/_events",
        "//_events",
        "/api/cases/echo/../../../_events",
        "/api/cases/echo/%2e%2e/%2e%2e/%2e%2e/_events",
        "/api/cases/echo/..%2f..%2f..%2f_events",
        "/api/cases/../../_events",
        "http://gateway/_events",
        "/api/cases/echo/_events",
    ],
)
async def test_no_path_from_outside_reaches_the_events_of_a_function(local: Local, path: str) -> None:
    request = to(path)
    request.url = local.client.base_url
    answer = await local.client.send(request)
    assert answer.status_code in {400, 404}


@pytest.mark.parametrize("path", ["/api/cases/nothing/x", "/api/cases/echoes/pid", "/favicon.ico"])
async def test_a_path_of_no_function_is_a_404_problem(local: Local, path: str) -> None:
    answer = await local.client.get(path)
    assert answer.status_code == 404
    assert answer.headers["content-type"] == "application/problem+json"
    assert answer.json()["code"] == "route.not_found"
    assert local.pool().state == State.ZERO


async def test_path_and_query_arrive_as_they_were_sent(local: Local) -> None:
    path = f"{ECHO}/mirror/{quote('휴가 규정', safe='')}%2F%25"
    seen = (await local.client.get(f"{path}?a=%ED%95%9C&a=b+c")).json()
    assert seen["raw_path"] == path
    assert seen["query"] == "a=%ED%95%9C&a=b+c"


async def test_headers_of_one_connection_stay_there_and_the_others_pass(local: Local) -> None:
    sent = {
        "Connection": "keep-alive, X-Private",
        "X-Private": "1",
        "X-Request-Id": "r1",
        "X-Forwarded-For": "10.0.0.9",
    }
    seen = (await local.client.get(f"{ECHO}/mirror/", headers=sent)).json()["headers"]
    assert "x-private" not in seen
    assert seen["x-request-id"] == "r1"
    assert seen["x-forwarded-for"] == "10.0.0.9, 127.0.0.1"
    assert seen["x-forwarded-proto"] == "http"
    assert seen["host"] == seen["x-forwarded-host"] == local.client.base_url.netloc.decode()


async def test_a_large_body_passes_with_and_without_a_length(local: Local) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(50):
            yield b"x" * 100_000

    whole = (await local.client.put(f"{ECHO}/mirror/", content=b"x" * 5_000_000)).json()
    parts = (await local.client.put(f"{ECHO}/mirror/", content=pieces())).json()
    assert whole["size"] == parts["size"] == 5_000_000
    assert whole["headers"]["content-length"] == "5000000"
    assert parts["headers"]["transfer-encoding"] == "chunked"


async def test_an_answer_that_takes_longer_than_the_function_may_is_a_504(start: Start) -> None:
    local = await start(timeout_seconds=1)
    answer = await local.client.get(f"{ECHO}/wait/never")
    assert answer.status_code == 504
    assert answer.json()["code"] == "function.timeout"
    await until(lambda: local.in_flight() == 0)


async def test_only_pages_of_this_machine_may_use_the_gateway(local: Local) -> None:
    asked = {"Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": "x-user-uuid"}
    mine = await local.client.options(f"{ECHO}/pid", headers=asked | {"Origin": "http://localhost:5173"})
    foreign = await local.client.options(f"{ECHO}/pid", headers=asked | {"Origin": "https://localhost.example.com"})
    assert mine.headers["access-control-allow-origin"] == "http://localhost:5173"
    assert "access-control-allow-origin" not in foreign.headers


async def test_the_status_page_shows_every_function_and_escapes_what_it_shows(local: Local) -> None:
    await local.client.get(f"{ECHO}/pid")
    await local.client.get("/api/cases/broken/x")

    page = (await local.client.get("/")).text
    rows = {each["name"]: each for each in (await local.client.get("/_platform/status.json")).json()["functions"]}

    assert all(name in page for name in local.activator.pools)
    assert re.search(r"File &quot;.*tests/scripts/functions/cases/broken/main.py&quot;", page)
    assert rows["cases-echo"]["state"] == "ready"
    assert rows["cases-echo"]["memory"] > 1_000_000
    assert rows["cases-echo"]["cold_start_ms"] > 0
    assert rows["cases-broken"]["failure"]["status"] == "exit status 1"
    assert rows["cases-quitter"]["state"] == "zero"

"""The LLM host, as a function sees it: documents to process, answers to stream, titles; with time-outs, retries and a breaker."""

import asyncio
import json
import logging
import random
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Self
from uuid import UUID

from shared.config import Config, ConfigError
from shared.errors import Problem, unavailable
from shared.middleware import traceparent

if TYPE_CHECKING:
    import httpx

log = logging.getLogger(__name__)

CONNECT_SECONDS = 3.0
CALL_SECONDS = 20.0
SILENCE_SECONDS = 60.0  # between two pieces of a stream
ATTEMPTS = 3
BREAKER_FAILURES = 5  # in a row; after them the host is left alone for a while
BREAKER_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class AnswerPart:
    """One event of a streamed answer: `meta`, `sources`, `delta` or `done`."""

    kind: str
    data: Mapping[str, Any]


class Breaker:
    """Stops calling a host that has failed several times in a row, and lets one call through after a pause."""

    def __init__(self) -> None:
        self._failures = 0
        self._open_until = 0.0

    def check(self, now: float) -> None:
        """Raises a 503 problem while the breaker is open."""
        if now < self._open_until:
            raise llm_unavailable(retry_after=int(self._open_until - now) + 1)

    def succeeded(self) -> None:
        """The host has answered."""
        self._failures = 0

    def failed(self, now: float) -> None:
        """The host has not answered, or not in a way that helps."""
        self._failures += 1
        if self._failures >= BREAKER_FAILURES:
            self._open_until = now + BREAKER_SECONDS


class LlmHost:
    """The host's HTTP interface. Every method raises a 503 problem `llm.unavailable` when the host cannot do its work now."""

    def __init__(self, url: str, token: str) -> None:
        self._url = url
        self._token = token
        self._breaker = Breaker()
        self._client: httpx.AsyncClient | None = None

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """The host of the settings. Raises ConfigError without LLM_HOST_URL and LLM_HOST_TOKEN."""
        if not config.llm_host_url or not config.llm_host_token:
            raise ConfigError("LLM_HOST_URL and LLM_HOST_TOKEN are not set")
        return cls(config.llm_host_url, config.llm_host_token)

    async def close(self) -> None:
        """Closes the connections."""
        if self._client is not None:
            await self._client.aclose()

    async def process_document(self, version: UUID, job: Mapping[str, Any]) -> Mapping[str, Any]:
        """Gives the host a document version to process; giving the same `attempt` again only answers how its job stands."""
        return await self._call("PUT", f"/v1/documents/{version}", job)

    async def activate_document(self, version: UUID) -> Mapping[str, Any]:
        """Makes a processed version findable, and its document's other versions not; the host's job."""
        return await self._call("POST", f"/v1/documents/{version}/activate")

    async def remove_document(self, version: UUID) -> Mapping[str, Any]:
        """Has a version's vectors removed; the host's job, which is done and reported when none is left."""
        return await self._call("DELETE", f"/v1/documents/{version}")

    async def title(self, question: str, answer: str) -> str:
        """A short Korean title for a conversation that began with this."""
        return str((await self._call("POST", "/v1/titles", {"question": question, "answer": answer}))["title"])

    async def answer(self, question: Mapping[str, Any]) -> AsyncIterator[AnswerPart]:
        """Streams the answer to a question; it ends with `done`, or raises the problem that the host reports.

        Never retried once begun: a second answer would be another one.
        """
        from httpx import HTTPError

        self._breaker.check(time.monotonic())
        body = {**question, "stream": True}
        try:
            request = self._http().stream("POST", "/v1/answers", json=body, headers=self._headers())
            async with request as response:
                await self._raise_for_status(response)
                async for part in _parts(response):
                    yield part
                    if part.kind == "done":
                        self._breaker.succeeded()
                        return
        except HTTPError as error:
            self._breaker.failed(time.monotonic())
            raise llm_unavailable() from error
        except Problem as problem:
            if problem.status >= 500:
                self._breaker.failed(time.monotonic())
            raise
        raise llm_unavailable()

    async def _call(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> dict[str, Any]:
        """A call that may be repeated: tried again on a lost connection or a 5xx, with growing, jittered pauses."""
        from httpx import HTTPError

        for attempt in range(ATTEMPTS):
            self._breaker.check(time.monotonic())
            if attempt:
                await asyncio.sleep(random.uniform(0, 0.2 * 2**attempt))  # noqa: S311 - jitter
            try:
                response = await self._http().request(method, path, json=body, headers=self._headers())
                await self._raise_for_status(response)
            except (HTTPError, Problem) as error:
                if isinstance(error, Problem) and error.status < 500:
                    raise
                self._breaker.failed(time.monotonic())
                log.warning("the llm host failed", extra={"path": path, "attempt": attempt, "error": repr(error)})
            else:
                self._breaker.succeeded()
                answer: dict[str, Any] = response.json()
                return answer
        raise llm_unavailable()

    def _http(self) -> "httpx.AsyncClient":
        if self._client is None:
            import httpx  # heavy: only a process that asks pays for it

            timeout = httpx.Timeout(CALL_SECONDS, connect=CONNECT_SECONDS, read=SILENCE_SECONDS)
            self._client = httpx.AsyncClient(base_url=self._url, timeout=timeout)
        return self._client

    def _headers(self) -> dict[str, str]:
        headers = {"Authorization": f"Bearer {self._token}"}
        if parent := traceparent():
            headers["traceparent"] = parent
        return headers

    async def _raise_for_status(self, response: "httpx.Response") -> None:
        if response.is_success:
            return
        await response.aread()
        told = response.headers.get("content-type") == "application/problem+json"
        if not told or (response.status_code >= 500 and response.status_code != 503):
            raise llm_unavailable()
        document = response.json()
        retry_after = response.headers.get("retry-after")
        wait = int(retry_after) if retry_after else None
        raise Problem(response.status_code, document["code"], document["detail"], retry_after=wait)


def llm_unavailable(retry_after: int = 10) -> Problem:
    """503: the models cannot be reached."""
    detail = "지금은 답변 서버에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요."
    return unavailable("llm.unavailable", detail, retry_after)


async def _parts(response: "httpx.Response") -> AsyncIterator[AnswerPart]:
    """The events of an SSE answer. Raises the problem in an `error` event.

    Cut at the blank line in bytes: a decoder of lines would also cut at U+2028 and its like, which JSON may hold.
    """
    rest = b""
    async for piece in response.aiter_bytes():
        *events, rest = (rest + piece).split(b"\n\n")
        for event in events:
            fields = dict(line.split(b": ", 1) for line in event.split(b"\n") if line and not line.startswith(b":"))
            if not fields:
                continue
            kind, document = fields[b"event"].decode(), json.loads(fields[b"data"])
            if kind == "error":
                raise Problem(document["status"], document["code"], document["detail"], retry_after=10)
            yield AnswerPart(kind, document)

"""Any OpenAI-compatible server: one for chat and one for embeddings, which is how vLLM serves them."""

import asyncio
import json
import logging
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import httpx
import numpy as np

from llm_host.answers.prompts import Message, answer_messages, new_nonce, title_messages
from llm_host.engines.engine import Task, Usage, Vectors
from llm_host.settings import VllmSettings
from shared.errors import unavailable

log = logging.getLogger(__name__)

TIMEOUT = httpx.Timeout(60.0, connect=3.0)  # between two bytes; the first may wait behind other requests
READY_TIMEOUT_SECONDS = 3.0
TRIES = 3  # before the first byte of an answer
FIRST_PAUSE_SECONDS = 0.5
ANSWER_TOKENS = 1024
TITLE_TOKENS = 40
TEMPERATURE = 0.2
_DOWN = "답변을 만드는 모델에 연결할 수 없습니다. 잠시 후 다시 시도해 주세요."
_TOO_LONG = ("maximum context length", "context_length_exceeded", "max_model_len", "longer than the maximum")


class PromptTooLongError(Exception):
    """The server says that the prompt does not fit its model."""


class VllmEngine:
    """Speaks to the servers over HTTP; every failure of theirs is a 503 problem `engine.unavailable`."""

    name = "vllm"
    strong_similarity = 0.6  # of BAAI/bge-m3, whose unrelated Korean pairs stay below 0.5; measure it for another model

    def __init__(self, settings: VllmSettings) -> None:
        self.model = settings.model
        self.embedding_model = settings.embedding_model
        self.dimension = settings.embedding_dimension
        self._url = settings.url
        self._embedding_url = settings.embedding_url
        headers = {"Authorization": f"Bearer {settings.api_key}"} if settings.api_key else {}
        self._client = httpx.AsyncClient(timeout=TIMEOUT, headers=headers)

    async def embed(self, texts: Sequence[str]) -> Vectors:
        """One request for all texts; the vectors are normalised here."""
        body = {"model": self.embedding_model, "input": list(texts), "encoding_format": "float"}
        answer = await self._post(f"{self._embedding_url}/embeddings", body)
        rows = sorted(answer["data"], key=lambda each: each["index"])
        vectors = np.asarray([row["embedding"] for row in rows], dtype=np.float32)
        if vectors.shape != (len(texts), self.dimension):
            log.error("the embedding server sent another shape", extra={"shape": vectors.shape})
            raise unavailable("engine.misconfigured", "임베딩 모델의 설정이 맞지 않습니다. 관리자에게 문의해 주세요.")
        lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
        normal: Vectors = vectors / np.maximum(lengths, np.float32(1e-12))
        return normal

    async def embed_query(self, query: str) -> Vectors:
        """As a passage: bge-m3 wants no instruction before a query."""
        vector: Vectors = (await self.embed([query]))[0]
        return vector

    async def answer(self, task: Task) -> AsyncGenerator[str | Usage, None]:
        """Streams; when the prompt is too long, the last sources are left out until it fits."""
        sources = list(task.sources)
        while True:
            try:
                async with self._stream(answer_messages(task, sources, new_nonce())) as chunks:
                    async for piece in _pieces(chunks):
                        yield piece
                return
            except PromptTooLongError as error:
                if len(sources) <= 1:
                    raise unavailable(
                        "engine.prompt_too_long", "질문이 너무 깁니다. 질문을 줄여 다시 물어봐 주세요."
                    ) from error
                sources = sources[: len(sources) // 2]

    async def title(self, question: str, answer: str) -> str:
        body = self._chat(title_messages(question, answer, new_nonce()), TITLE_TOKENS)
        reply = await self._post(f"{self._url}/chat/completions", body)
        return str(reply["choices"][0]["message"]["content"] or "")

    async def ready(self) -> bool:
        """Whether both servers list their models."""
        try:
            for url in (self._url, self._embedding_url):
                answer = await self._client.get(f"{url}/models", timeout=READY_TIMEOUT_SECONDS)
                if not answer.is_success:
                    return False
        except httpx.HTTPError:
            return False
        return True

    async def close(self) -> None:
        await self._client.aclose()

    def _chat(self, messages: Sequence[Message], tokens: int) -> dict[str, Any]:
        return {"model": self.model, "messages": messages, "max_tokens": tokens, "temperature": TEMPERATURE}

    async def _post(self, url: str, body: Mapping[str, Any]) -> Any:  # noqa: ANN401 - JSON
        async with self._opened(url, body) as answer:
            try:
                return json.loads(await answer.aread())
            except (httpx.HTTPError, ValueError) as error:
                raise unavailable("engine.unavailable", _DOWN) from error

    @asynccontextmanager
    async def _stream(self, messages: Sequence[Message]) -> AsyncIterator[AsyncIterator[dict[str, Any]]]:
        options = {"stream": True, "stream_options": {"include_usage": True}}
        body = self._chat(messages, ANSWER_TOKENS) | options
        async with self._opened(f"{self._url}/chat/completions", body) as answer:
            yield _chunks(answer)

    @asynccontextmanager
    async def _opened(self, url: str, body: Mapping[str, Any]) -> AsyncIterator[httpx.Response]:
        """A successful answer whose body is not read yet; opening it is tried again, reading it never."""
        answer = await self._open(url, body)
        try:
            yield answer
        finally:
            await answer.aclose()

    async def _open(self, url: str, body: Mapping[str, Any]) -> httpx.Response:
        for tried in range(TRIES):
            if tried:
                await asyncio.sleep(FIRST_PAUSE_SECONDS * 2 ** (tried - 1))
            try:
                answer = await self._client.send(self._client.build_request("POST", url, json=body), stream=True)
            except httpx.HTTPError as error:
                log.warning("the model server was not reached", extra={"url": url, "error": repr(error)})
                continue
            if answer.is_success:
                return answer
            await _refuse(answer)
        raise unavailable("engine.unavailable", _DOWN)


async def _refuse(answer: httpx.Response) -> None:
    """Returns when it is worth another try. Raises PromptTooLongError or a 503 problem when it is not."""
    text = (await answer.aread()).decode("utf-8", "replace")[:1000]
    await answer.aclose()
    log.warning("the model server refused", extra={"status": answer.status_code, "answer": text})
    if answer.status_code == 400 and any(words in text for words in _TOO_LONG):
        raise PromptTooLongError
    if answer.status_code < 500 and answer.status_code not in (408, 429):
        raise unavailable("engine.unavailable", _DOWN)


async def _chunks(answer: httpx.Response) -> AsyncIterator[dict[str, Any]]:
    """The JSON objects of an OpenAI stream. Raises a 503 problem when it breaks off before its end."""
    try:
        async for line in answer.aiter_lines():
            if line == "data: [DONE]":
                return
            if line.startswith("data: "):
                yield json.loads(line[6:])
    except (httpx.HTTPError, ValueError) as error:
        log.warning("an answer of the model server broke off", extra={"error": repr(error)})
        raise unavailable("engine.unavailable", _DOWN) from error
    raise unavailable("engine.unavailable", _DOWN)


async def _pieces(chunks: AsyncIterator[dict[str, Any]]) -> AsyncGenerator[str | Usage, None]:
    """The text of a stream and its usage. Raises a 503 problem for an error that is sent as a chunk."""
    reason, tokens_in, tokens_out = "stop", 0, 0
    async for chunk in chunks:
        if "error" in chunk:
            log.warning("the model server failed while answering", extra={"answer": chunk["error"]})
            raise unavailable("engine.unavailable", _DOWN)
        for choice in chunk.get("choices", ()):
            if text := choice.get("delta", {}).get("content"):
                yield text
            reason = choice.get("finish_reason") or reason
        if usage := chunk.get("usage"):
            tokens_in, tokens_out = usage["prompt_tokens"], usage["completion_tokens"]
    yield Usage("length" if reason == "length" else "stop", tokens_in, tokens_out)

"""Takes jobs one after the other and sees each to its end: done, failed with a reason, or superseded."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping

from llm_host.documents.blocks import DocumentError
from llm_host.documents.download import SourceError
from llm_host.documents.store import Job, Kind, Store, Superseded
from shared.errors import Problem
from shared.log import trace_id

log = logging.getLogger(__name__)

MAX_TRIES = 3  # starts of one job before it counts as one that kills the host
IDLE_SECONDS = 5.0
_CRASHES = "이 문서를 처리하다가 서버가 여러 번 멈추었습니다. 문서를 나누거나 PDF로 바꾸어 올려 주세요."
_UNFORESEEN = "예상하지 못한 오류로 문서를 처리하지 못했습니다. 잠시 후 다시 처리해 주세요."


class Worker:
    """One lane of jobs: the kinds it takes, and what each does. Lanes keep a long file from delaying an approval."""

    def __init__(
        self,
        store: Store,
        work: Mapping[Kind, Callable[[Job], Awaitable[None]]],
        sweep: Callable[[], Awaitable[None]],
        reported: Callable[[], None],
    ) -> None:
        self._store = store
        self._work = work
        self._sweep = sweep
        self._reported = reported
        self._woken = asyncio.Event()

    def wake(self) -> None:
        """Says that a job was queued or cancelled."""
        self._woken.set()

    async def run(self) -> None:
        """Works until cancelled; whatever goes wrong around a job is logged and tried again."""
        while True:
            self._woken.clear()
            try:
                job = await asyncio.to_thread(self._store.take, list(self._work))
                if job:
                    await self._see_through(job)
                await self._sweep()
            except Exception:
                log.exception("a job lane failed and goes on")
                job = None
            if job is None:
                await self._wait()

    async def _wait(self) -> None:
        try:
            async with asyncio.timeout(IDLE_SECONDS):
                await self._woken.wait()
        except TimeoutError:
            return

    async def _see_through(self, job: Job) -> None:
        trace_id.set(job.trace)
        fields = {"version_id": job.id, "kind": job.kind, "attempt": job.attempt}
        log.info("job started", extra=fields)
        try:
            await self._try(job)
        except Superseded:
            log.info("job superseded", extra=fields)
        except asyncio.CancelledError:
            self._store.give_back(job)
            raise
        finally:
            self._reported()

    async def _try(self, job: Job) -> None:
        if job.tries > MAX_TRIES:
            await self._fail(job, "document.crashes_host", _CRASHES, retryable=False)
            return
        try:
            await self._work[job.kind](job)
        except DocumentError as error:
            await self._fail(job, error.code, error.reason, retryable=isinstance(error, SourceError))
        except Problem as problem:
            await self._fail(job, problem.code, problem.detail, retryable=True)
        except Superseded:
            raise
        except Exception:
            log.exception("a job failed for no reason that we know")
            await self._fail(job, "document.unforeseen", _UNFORESEEN, retryable=True)

    async def _fail(self, job: Job, code: str, reason: str, *, retryable: bool) -> None:
        log.warning("job failed", extra={"version_id": job.id, "kind": job.kind, "code": code})
        await asyncio.to_thread(self._store.fail, job, code, reason, retryable=retryable)

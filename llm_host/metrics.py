"""What Prometheus may know of the host; never a question, an answer or a title."""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

_SECONDS = (0.01, 0.03, 0.1, 0.3, 1, 3, 10, 30, 100, 300, 1000)


class Metrics:
    """One registry per host."""

    def __init__(self, jobs: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._registry = CollectorRegistry()
        self._registry.register(_Jobs(jobs))
        self._stages = self._histogram("stage_seconds", "Time that a stage of document processing took", ["stage"])
        self._search = self._histogram("search_seconds", "Time from a query to ranked passages")
        self._first = self._histogram("answer_first_text_seconds", "Time from a question to the first text")
        self._whole = self._histogram("answer_seconds", "Time from a question to the end of its answer")
        self._answers = Counter("llm_host_answers", "Answers by how they ended", ["outcome"], registry=self._registry)

    def render(self) -> bytes:
        """The text exposition format."""
        return generate_latest(self._registry)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Times a stage of document processing, failed ones too."""
        with self._stages.labels(name).time():
            yield

    @contextmanager
    def search(self) -> Iterator[None]:
        """Times a search."""
        with self._search.time():
            yield

    def answer(self) -> "AnswerTimer":
        """Follows one answer."""
        return AnswerTimer(self._first, self._whole, self._answers)

    def _histogram(self, name: str, text: str, labels: list[str] | None = None) -> Histogram:
        return Histogram(f"llm_host_{name}", text, labels or [], buckets=_SECONDS, registry=self._registry)


class AnswerTimer:
    """The clock of one answer."""

    def __init__(self, first: Histogram, whole: Histogram, answers: Counter) -> None:
        self._started = time.perf_counter()
        self._first: Histogram | None = first
        self._whole = whole
        self._answers = answers

    def text(self) -> None:
        """Some text has come."""
        if self._first:
            self._first.observe(time.perf_counter() - self._started)
            self._first = None

    def ended(self, outcome: str) -> None:
        """The answer is over."""
        self._whole.observe(time.perf_counter() - self._started)
        self._answers.labels(outcome).inc()


class _Jobs(Collector):
    def __init__(self, jobs: Callable[[], Mapping[tuple[str, str], int]]) -> None:
        self._jobs = jobs

    def collect(self) -> Iterator[Metric]:
        gauge = GaugeMetricFamily(
            "llm_host_jobs", "Latest jobs of versions by kind and state", labels=["kind", "state"]
        )
        for (kind, state), count in self._jobs().items():
            gauge.add_metric([kind, state], count)
        yield gauge

"""Counting, timing and tracing what happens.

Labels of metrics are bounded: no names of repositories, people or suites. Spans may name these; neither ever holds a
secret or a text that somebody wrote.
"""

import enum
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Final, Protocol


class Metric(enum.StrEnum):
    """`assay_` is put before each. Counters end in `_total`."""

    DELIVERIES = "deliveries_total"
    """labels: forge, outcome (stored, duplicate, ignored, unauthorized, refused, too_fast, unavailable)"""
    RUNS = "runs_total"
    """labels: state, reason"""
    REPORTS = "reports_total"
    """labels: forge, outcome (sent, unchanged, postponed, dead)"""
    FORGE_CALLS = "forge_calls_total"
    """labels: forge, method, status (2xx, 3xx, 4xx, 5xx, error)"""
    UPKEEP = "upkeep_total"
    """labels: action (a duty's name)"""
    UPKEEP_FAILURES = "upkeep_failures_total"
    """labels: action"""
    INTAKE_SECONDS = "intake_seconds"
    QUEUE_SECONDS = "queue_wait_seconds"
    PHASE_SECONDS = "run_phase_seconds"
    """labels: phase (those of SpanName that are within a run)"""
    QUEUE_RUNS = "queue_runs"
    """labels: state (a run's; `blocked` apart)"""
    QUEUE_OLDEST = "queue_oldest_seconds"
    INBOX_DELIVERIES = "inbox_deliveries"
    INBOX_OLDEST = "inbox_oldest_seconds"
    OUTBOX_REPORTS = "outbox_reports"
    OUTBOX_LAG = "outbox_lag_seconds"
    FORGE_LEFT = "forge_calls_left"
    """labels: forge"""
    FORGE_LIMIT = "forge_calls_limit"
    """labels: forge"""
    FORGE_BREAKER = "forge_breaker_open"
    """1: it has failed several times in a row, and is asked only now and then; labels: forge"""
    FORGE_PAUSE = "forge_pause_ends_seconds"
    """Seconds since 1970; labels: forge"""
    DISK_FREE = "disk_free_bytes"
    DISK_SIZE = "disk_size_bytes"
    READY = "ready"
    """1 or 0; labels: part (store, queue, engine)"""


class Telemetry(Protocol):
    def count(self, metric: Metric, by: int = 1, **labels: str) -> None: ...

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None: ...

    def show(self, metric: Metric, value: float, **labels: str) -> None:
        """As it is now."""


class SpanName(enum.StrEnum):
    """What a trace is made of; one trace shows one build, from the webhook call to its checks."""

    WEBHOOK = "webhook"
    DELIVERY = "delivery"
    START = "start"
    """What the build's other spans hang from."""
    QUEUE = "queue"
    RUN = "run"
    """One attempt; those below are its phases."""
    CHECKOUT = "checkout"
    PREPARE = "prepare"
    CONTAINER = "container"
    RESULTS = "results"
    FINISH = "finish"
    REPORT = "report"
    FORGE = "forge"
    """A call to a forge's API, within any of the others."""


Fact = str | int


class Span(Protocol):
    def tell(self, **facts: Fact) -> None:
        """What became known meanwhile."""


class Traces(Protocol):
    """Nothing here raises or waits, whatever becomes of those who collect traces."""

    def span(self, name: SpanName, parent: str = "", **facts: Fact) -> AbstractContextManager[Span]:
        """Part of `parent`; without one, of the span that this thread is in."""

    def past(self, name: SpanName, parent: str, began: datetime, ended: datetime, **facts: Fact) -> None:
        """A span that is over."""

    def current(self) -> str:
        """The span that this thread is in, as a `traceparent` (W3C Trace Context); nothing where there is none."""

    def close(self) -> None:
        """Send what is left, within seconds."""


class _NoSpan:
    def tell(self, **facts: Fact) -> None: ...


_NO_SPAN: Final = nullcontext(_NoSpan())


class NoTraces:
    """Nobody collects them."""

    def span(self, name: SpanName, parent: str = "", **facts: Fact) -> AbstractContextManager[Span]:  # noqa: ARG002  # the port's
        return _NO_SPAN

    def past(self, name: SpanName, parent: str, began: datetime, ended: datetime, **facts: Fact) -> None: ...

    def current(self) -> str:
        return ""

    def close(self) -> None: ...


NO_TRACES: Final[Traces] = NoTraces()

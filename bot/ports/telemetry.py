"""Counting, timing and tracing what happens.

Labels of metrics are bounded: no names of repositories, people or suites. Spans may name these; neither ever holds a
secret or a text that somebody wrote.
"""

import enum
from contextlib import AbstractContextManager, nullcontext
from datetime import datetime
from typing import Final, Protocol


class Metric(enum.StrEnum):
    """`assay_` is put before each; counters end in `_total`, all others are seconds."""

    DELIVERIES = "deliveries_total"
    """labels: forge, outcome (stored, duplicate, ignored, unauthorized, refused)"""
    RUNS = "runs_total"
    """labels: state, reason"""
    REPORTS = "reports_total"
    """labels: forge, outcome (sent, unchanged, postponed, dead)"""
    FORGE_CALLS = "forge_calls_total"
    """labels: forge, method, status (2xx, 3xx, 4xx, 5xx, error)"""
    UPKEEP = "upkeep_total"
    """labels: action (swept, reaped, removed, …)"""
    INTAKE_SECONDS = "intake_seconds"
    QUEUE_SECONDS = "queue_wait_seconds"
    PHASE_SECONDS = "run_phase_seconds"
    """labels: phase (those of SpanName that are within a run)"""


class Telemetry(Protocol):
    def count(self, metric: Metric, **labels: str) -> None: ...

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None: ...


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

"""One trace for each build, through every process that works on it.

Where a trace goes on is stored with deliveries and builds, so that a lost hint breaks nothing; a hint that arrives
tells more exactly who sent it.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Final

from bot.app.context import App
from bot.ports.queue import Task, TaskQueue
from bot.ports.telemetry import Metric, SpanName, Traces

_NUMBER: Final = slice(3, 35)
"""Where a traceparent has the number of its trace."""


class Hints:
    """A queue to which every hint goes with the span in which it is sent."""

    def __init__(self, queue: TaskQueue, traces: Traces) -> None:
        self._queue, self._traces = queue, traces

    def send(self, task: Task, *, delay: float = 0) -> None:
        current = self._traces.current()
        self._queue.send(replace(task, trace=current) if current else task, delay=delay)


def nearest(stored: str, hinted: str) -> str:
    """The hint's span, unless it is of another trace: then one that is surely the thing's own."""
    return hinted if not stored or hinted[_NUMBER] == stored[_NUMBER] else stored


@contextmanager
def phase(app: App, name: SpanName) -> Iterator[None]:
    """Of a run; one that fails is no measure of how long it takes."""
    began = app.monotonic()
    with app.traces.span(name):
        yield
    app.telemetry.observe(Metric.PHASE_SECONDS, app.monotonic() - began, phase=name.value)

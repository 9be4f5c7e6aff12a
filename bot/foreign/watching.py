"""What every call to a forge's API tells of itself: a count, a span, and what the circuit breaker learns of it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from bot.domain.refs import ForgeName
from bot.foreign.pacing import Breaker
from bot.ports.telemetry import Metric, SpanName, Telemetry, Traces


@dataclass(slots=True)
class Called:
    status: int | None = None
    """Of its answer; None: there was none."""

    @property
    def kind(self) -> str:
        return "error" if self.status is None else f"{self.status // 100}xx"


class CallWatch:
    def __init__(
        self, forge: ForgeName, telemetry: Telemetry, traces: Traces, monotonic: Callable[[], float]
    ) -> None:
        self._forge, self._telemetry, self._traces = forge, telemetry, traces
        self._breaker = Breaker(monotonic)

    @contextmanager
    def call(self, method: str, route: str) -> Iterator[Called]:
        """Whoever is inside sets the status. `route`: the address without anything that stands for somebody's name.

        Raises: ForgeUnavailable: it has failed several times, nothing may be asked now.
        """
        self._breaker.enter()
        called = Called()
        try:
            if self._traces.current():
                about = {"forge": self._forge, "method": method, "route": route}
                with self._traces.span(SpanName.FORGE, **about) as span:
                    try:
                        yield called
                    finally:
                        span.tell(status=str(called.status or called.kind))
            else:
                yield called
        finally:
            self._telemetry.count(Metric.FORGE_CALLS, forge=self._forge, method=method, status=called.kind)
            (self._breaker.failed if called.kind in ("error", "5xx") else self._breaker.succeeded)()
            self._telemetry.show(Metric.FORGE_BREAKER, float(self._breaker.is_open), forge=self._forge)

    def pause(self, end: float) -> None:
        """Of one of our installations at least; in seconds since 1970."""
        self._telemetry.show(Metric.FORGE_PAUSE, end, forge=self._forge)

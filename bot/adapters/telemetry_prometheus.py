"""Telemetry as Prometheus wants it, in a registry of its own so that two bots can live in one process."""

from typing import Final

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest

from bot.ports.telemetry import Metric

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800)
_COUNTERS: Final = {
    Metric.DELIVERIES: ("Webhook calls by what became of them", ("forge", "outcome")),
    Metric.RUNS: ("Runs that ended", ("state", "reason")),
    Metric.REPORTS: ("Checks on their way to the forge", ("forge", "outcome")),
    Metric.FORGE_CALLS: ("Calls to a forge's API", ("forge", "method", "status")),
    Metric.UPKEEP: ("What upkeep did", ("action",)),
}
_HISTOGRAMS: Final = {
    Metric.INTAKE_SECONDS: ("From the request to its answer", (), _FAST),
    Metric.QUEUE_SECONDS: ("From queued to claimed", (), _SLOW),
    Metric.PHASE_SECONDS: ("How long a phase of a run takes", ("phase",), _SLOW),
}


class PrometheusTelemetry:
    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        ProcessCollector(registry=self._registry)
        self._counters = {
            metric: Counter(_name(metric), words, labels, registry=self._registry)
            for metric, (words, labels) in _COUNTERS.items()
        }
        self._histograms = {
            metric: Histogram(_name(metric), words, labels, buckets=buckets, registry=self._registry)
            for metric, (words, labels, buckets) in _HISTOGRAMS.items()
        }

    def count(self, metric: Metric, **labels: str) -> None:
        counter = self._counters[metric]
        (counter.labels(**labels) if labels else counter).inc()

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None:
        histogram = self._histograms[metric]
        (histogram.labels(**labels) if labels else histogram).observe(seconds)

    def render(self) -> bytes:
        """What /metrics answers."""
        return generate_latest(self._registry)


def _name(metric: Metric) -> str:
    return f"assay_{metric.value}"

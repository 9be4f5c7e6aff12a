"""Telemetry as Prometheus wants it, in a registry of its own so that two bots can live in one process."""

from collections.abc import Mapping
from typing import Final

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector, generate_latest

from bot.ports.telemetry import Metric

_FAST: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
_SLOW: Final = (0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 10800)
_COUNTERS: Final = {
    Metric.DELIVERIES: ("Webhook calls by what became of them", ("forge", "outcome")),
    Metric.RUNS: ("Ends of attempts", ("state", "reason")),
    Metric.REPORTS: ("Checks on their way to the forge", ("forge", "outcome")),
    Metric.FORGE_CALLS: ("Calls to a forge's API", ("forge", "method", "status")),
    Metric.UPKEEP: ("Things that upkeep did", ("action",)),
    Metric.UPKEEP_FAILURES: ("Turns of upkeep that failed", ("action",)),
}
_HISTOGRAMS: Final = {
    Metric.INTAKE_SECONDS: ("From a webhook's request to its answer", (), _FAST),
    Metric.QUEUE_SECONDS: ("From when a run could be claimed to its claim", (), _SLOW),
    Metric.PHASE_SECONDS: ("How long a phase of a run takes", ("phase",), _SLOW),
}
_GAUGES: Final = {
    Metric.QUEUE_RUNS: ("Unfinished runs, of all processes", ("state",)),
    Metric.QUEUE_OLDEST: ("Seconds since the oldest unclaimed run could be claimed", ()),
    Metric.INBOX_DELIVERIES: ("Deliveries that are stored and not handled", ()),
    Metric.INBOX_OLDEST: ("Seconds since the oldest of them came", ()),
    Metric.OUTBOX_REPORTS: ("Checks that the forge does not show as they are", ()),
    Metric.OUTBOX_LAG: ("Seconds since the oldest of them changed", ()),
    Metric.FORGE_LEFT: ("Calls that the forge allows until its limit is set anew, by its last answer", ("forge",)),
    Metric.FORGE_LIMIT: ("Calls that it allows in all", ("forge",)),
    Metric.FORGE_BREAKER: (
        "1: the forge has failed several times in a row, and is asked only now and then",
        ("forge",),
    ),
    Metric.FORGE_PAUSE: ("When the last pause ends that the forge has asked for, in seconds since 1970", ("forge",)),
    Metric.DISK_FREE: ("Free bytes where the data folder is", ()),
    Metric.DISK_SIZE: ("All bytes there", ()),
    Metric.READY: ("1: this part does its work", ("part",)),
}
LABELS: Final[Mapping[Metric, tuple[str, ...]]] = {
    metric: shape[1] for shapes in (_COUNTERS, _HISTOGRAMS, _GAUGES) for metric, shape in shapes.items()
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
        self._gauges = {
            metric: Gauge(_name(metric), words, labels, registry=self._registry)
            for metric, (words, labels) in _GAUGES.items()
        }

    def count(self, metric: Metric, by: int = 1, **labels: str) -> None:
        counter = self._counters[metric]
        (counter.labels(**labels) if labels else counter).inc(by)

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None:
        histogram = self._histograms[metric]
        (histogram.labels(**labels) if labels else histogram).observe(seconds)

    def show(self, metric: Metric, value: float, **labels: str) -> None:
        gauge = self._gauges[metric]
        (gauge.labels(**labels) if labels else gauge).set(value)

    def render(self) -> bytes:
        """What /metrics answers."""
        return generate_latest(self._registry)


def _name(metric: Metric) -> str:
    return f"assay_{metric.value}"

"""What Prometheus is told."""

from typing import Any

import pytest

from bot.adapters.telemetry_prometheus import LABELS, PrometheusTelemetry
from bot.ports.telemetry import Metric

_BOUNDED = {"forge", "outcome", "state", "reason", "method", "status", "action", "phase", "part"}
"""None of them is a repository, a suite, a person or anything else that grows."""


def labels_of(metric: Metric) -> dict[str, Any]:
    return {name: f"a-{name}" for name in LABELS[metric]}


def in_text(metric: Metric) -> str:
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(labels_of(metric).items()))
    return f"assay_{metric.value}{{{labels}}}" if labels else f"assay_{metric.value}"


def is_gauge(metric: Metric) -> bool:
    text = PrometheusTelemetry().render().decode()
    return f"# TYPE assay_{metric.value} gauge" in text


COUNTERS = [metric for metric in Metric if metric.value.endswith("_total")]
GAUGES = [metric for metric in Metric if is_gauge(metric)]
DURATIONS = [metric for metric in Metric if metric not in COUNTERS and metric not in GAUGES]


@pytest.mark.parametrize("metric", COUNTERS)
def test_counters_count(metric: Metric) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.count(metric, **labels_of(metric))
    telemetry.count(metric, 3, **labels_of(metric))
    assert f"{in_text(metric)} 4.0" in telemetry.render().decode()


@pytest.mark.parametrize("metric", DURATIONS)
def test_durations_are_histograms(metric: Metric) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.observe(metric, 0.75, **labels_of(metric))
    text = telemetry.render().decode()
    assert f"# TYPE assay_{metric.value} histogram" in text
    assert f"assay_{metric.value}_sum" in text


@pytest.mark.parametrize("metric", GAUGES)
def test_what_is_shown_is_what_was_shown_last(metric: Metric) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.show(metric, 5, **labels_of(metric))
    telemetry.show(metric, 2.5, **labels_of(metric))
    assert f"{in_text(metric)} 2.5" in telemetry.render().decode()


@pytest.mark.parametrize("metric", list(Metric))
def test_a_label_that_is_not_agreed_on_is_refused(metric: Metric) -> None:
    telemetry = PrometheusTelemetry()
    told: dict[str, Any] = {"repository": "acme/hello"}
    tell = telemetry.count if metric in COUNTERS else telemetry.show if metric in GAUGES else telemetry.observe
    with pytest.raises(ValueError, match=r"label|No label"):
        tell(metric, 1, **told)


def test_labels_are_bounded() -> None:
    assert {name for names in LABELS.values() for name in names} <= _BOUNDED
    assert set(LABELS) == set(Metric)


def test_two_bots_in_a_process_count_apart() -> None:
    one, other = PrometheusTelemetry(), PrometheusTelemetry()
    one.count(Metric.UPKEEP, action="swept")
    assert "swept" not in other.render().decode()

"""What Prometheus is told."""

import pytest

from bot.adapters.telemetry_prometheus import PrometheusTelemetry
from bot.ports.telemetry import Metric

LABELS = {
    Metric.DELIVERIES: {"forge": "github", "outcome": "stored"},
    Metric.RUNS: {"state": "passed", "reason": ""},
    Metric.REPORTS: {"forge": "github", "outcome": "sent"},
    Metric.FORGE_CALLS: {"forge": "github", "method": "GET", "status": "2xx"},
    Metric.UPKEEP: {"action": "swept"},
    Metric.INTAKE_SECONDS: {},
    Metric.QUEUE_SECONDS: {},
    Metric.PHASE_SECONDS: {"phase": "run"},
}


@pytest.mark.parametrize("metric", [metric for metric in Metric if metric.value.endswith("_total")])
def test_counters_count(metric: Metric) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.count(metric, **LABELS[metric])
    telemetry.count(metric, **LABELS[metric])
    labels = ",".join(f'{name}="{value}"' for name, value in sorted(LABELS[metric].items()))
    assert f"assay_{metric.value}{{{labels}}} 2.0" in telemetry.render().decode()


@pytest.mark.parametrize("metric", [metric for metric in Metric if metric.value.endswith("_seconds")])
def test_durations_are_histograms(metric: Metric) -> None:
    telemetry = PrometheusTelemetry()
    telemetry.observe(metric, 0.75, **LABELS[metric])
    text = telemetry.render().decode()
    assert f"# TYPE assay_{metric.value} histogram" in text
    assert f"assay_{metric.value}_sum" in text


@pytest.mark.parametrize("metric", list(Metric))
def test_a_label_that_is_not_agreed_on_is_refused(metric: Metric) -> None:
    telemetry = PrometheusTelemetry()
    act = telemetry.count if metric.value.endswith("_total") else lambda *a, **b: telemetry.observe(a[0], 1, **b)
    with pytest.raises(ValueError, match=r"label|No label"):
        act(metric, repository="acme/hello")


def test_two_bots_in_a_process_count_apart() -> None:
    one, other = PrometheusTelemetry(), PrometheusTelemetry()
    one.count(Metric.UPKEEP, action="swept")
    assert "swept" not in other.render().decode()

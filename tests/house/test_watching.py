"""Dashboard, alerts and their guide speak of metrics that exist."""

import json
import re
from typing import Any, Final

import pytest
import yaml

from bot.adapters.telemetry_prometheus import LABELS, PrometheusTelemetry
from bot.app import upkeep
from bot.domain.runs import Reason, RunState
from bot.ports.telemetry import Metric, SpanName
from tests.house.tree import ROOT

GUIDE: Final = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8")
RULES: Final[list[dict[str, Any]]] = [
    rule
    for group in yaml.safe_load((ROOT / "deploy" / "alerts.yml").read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]
DASHBOARD: Final = json.loads((ROOT / "deploy" / "grafana" / "assay.json").read_text(encoding="utf-8"))
QUERIES: Final = [target["expr"] for panel in DASHBOARD["panels"] for target in panel["targets"]]
EXPRESSIONS: Final = sorted({*QUERIES, *(rule["expr"] for rule in RULES)})
KNOWN: Final = {f"assay_{metric.value}": set(LABELS[metric]) for metric in Metric}
VALUES: Final[dict[str, set[str]]] = {
    "action": set(upkeep.DUTIES) | set(upkeep.ENGINE_DUTIES),
    "outcome": {"unauthorized", "unavailable", "dead"},
    "part": {"store", "queue", "engine"},
    "phase": set(SpanName),
    "reason": {"", *Reason},
    "state": {"blocked", *RunState},
    "status": {"2xx", "3xx", "4xx", "5xx", "error"},
}
_OF_PROMETHEUS: Final = {"instance", "job", "le"}


def _family(name: str) -> str:
    """Without what a histogram adds to its name."""
    return re.sub(r"_(bucket|sum|count)$", "", name)


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_expression_uses_metrics_and_labels_that_exist(expression: str) -> None:
    names = re.findall(r"\b(assay_\w+|up)\b", expression)
    assert names
    assert {_family(name) for name in names} <= {*KNOWN, "up"}
    grouped = re.findall(r"by \(([^)]*)\)", expression)
    wanted = {label.strip() for labels in grouped for label in labels.split(",")}
    allowed = _OF_PROMETHEUS.union(*(KNOWN.get(_family(name), set()) for name in names))
    assert wanted <= allowed


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_every_label_that_is_asked_for_has_that_value_somewhere(expression: str) -> None:
    for label, values in re.findall(r'(\w+)(?:=~|=|!=)"([^"]*)"', expression):
        assert label == "job" or set(values.split("|")) <= VALUES[label]


def test_histograms_are_what_quantiles_are_taken_of() -> None:
    text = PrometheusTelemetry().render().decode()
    for name in {name for one in EXPRESSIONS for name in re.findall(r"(assay_\w+)_bucket", one)}:
        assert f"# TYPE {name} histogram" in text


def test_the_guide_lists_every_metric_with_its_labels_and_no_other() -> None:
    rows = re.findall(r"^\| `(assay_\w+)` \| ([^|]*)\|", GUIDE, re.MULTILINE)
    assert {name: set(re.findall(r"`(\w+)`", labels)) for name, labels in rows} == KNOWN


def test_the_guide_says_of_every_alert_what_to_do() -> None:
    assert re.findall(r"^\| `(Assay\w+)` \|", GUIDE, re.MULTILINE) == [rule["alert"] for rule in RULES]


def test_every_alert_has_a_severity_and_a_summary() -> None:
    assert {rule["labels"]["severity"] for rule in RULES} == {"warning", "critical"}
    assert all(rule["annotations"]["summary"] for rule in RULES)


def test_the_dashboard_shows_every_metric_in_panels_that_do_not_overlap() -> None:
    shown = {_family(name) for one in QUERIES for name in re.findall(r"\bassay_\w+", one)}
    assert shown == set(KNOWN)
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells

"""Counting and timing what happens. Labels are bounded: no names of repositories, people or suites."""

import enum
from typing import Protocol


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
    """labels: phase (checkout, prepare, run)"""


class Telemetry(Protocol):
    def count(self, metric: Metric, **labels: str) -> None: ...

    def observe(self, metric: Metric, seconds: float, **labels: str) -> None: ...

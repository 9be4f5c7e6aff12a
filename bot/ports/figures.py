"""How much waits, for those who watch."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol

from bot.domain.runs import RunState


@dataclass(frozen=True, slots=True, kw_only=True)
class Figures:
    """Ages in seconds, of what has waited longest; nothing waits: 0."""

    runs: Mapping[RunState, int]
    """Unfinished ones by their state; blocked ones apart."""
    blocked: int
    """Queued, but what they need has not passed."""
    oldest_run: float
    """Since it could be claimed."""
    deliveries: int
    oldest_delivery: float
    reports: int
    """Not shown as they are."""
    oldest_report: float


class FigureTable(Protocol):
    def now(self) -> Figures: ...

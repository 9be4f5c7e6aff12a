"""What a benchmark finds, and how it is shown."""

import statistics
import sys
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

_COLUMNS: Final = "{0:<4} {1:<58} {2:>16} {3:>16} {4:>7}  {5}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    name: str
    """As `P1`."""
    what: str
    value: float
    unit: str
    limit: float | None = None
    """In the same unit, measured in the same run; or what is wanted, where nothing can be measured."""
    against: str = ""
    """What the limit is."""

    @property
    def line(self) -> str:
        beside = "" if self.limit is None else f"{_number(self.limit)} {self.unit}"
        ratio = f"{self.value / self.limit:.2f}" if self.limit else ""
        return _COLUMNS.format(
            self.name, self.what, f"{_number(self.value)} {self.unit}", beside, ratio, self.against
        ).rstrip()


def header() -> str:
    return _COLUMNS.format("", "figure", "measured", "limit", "ratio", "the limit is").rstrip()


def show(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def median(values: Iterable[float]) -> float:
    return statistics.median(values)


def percentile(values: Sequence[float], share: float) -> float:
    return sorted(values)[min(int(len(values) * share), len(values) - 1)]


def milliseconds(seconds: Iterable[float]) -> float:
    """Their median."""
    return 1000 * median(seconds)


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.1f}"


Benchmark = Callable[[], Iterable[Figure]]

"""How long a run still waits for a worker, as far as can be told from what takes how long."""

import heapq
from collections.abc import Sequence
from dataclasses import dataclass

from bot.domain.texts import duration


@dataclass(frozen=True, slots=True)
class Wait:
    ahead: int
    """Runs that start before it."""
    seconds: float | None = None
    """Until it starts; None: nobody knows."""

    @property
    def words(self) -> str:
        place = f"{self.ahead} ahead" if self.ahead else "next in line"
        return place if self.seconds is None else f"{place}, about {duration(self.seconds)}"


def starts_in(remaining: Sequence[float], slots: int, ahead: int, each: float) -> float | None:
    """`remaining`: seconds that what runs still takes; `each`: that one of those before it usually takes.

    None: there is no worker.
    """
    if slots < 1:
        return None
    ends = sorted(remaining)[:slots]
    ends += [0.0] * (slots - len(ends))
    heapq.heapify(ends)
    for _ in range(ahead):
        heapq.heapreplace(ends, ends[0] + each)
    return ends[0]

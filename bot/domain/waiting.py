"""What is ahead of runs that have not ended, as far as can be told from what takes how long."""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from bot.domain.runs import Run, RunId, RunState
from bot.domain.texts import between, roughly


@dataclass(frozen=True, slots=True)
class Wait:
    ahead: int
    """Runs that start before it."""
    seconds: float | None = None
    """Until it starts; None: nobody knows."""

    @property
    def words(self) -> str:
        place = f"{self.ahead} ahead" if self.ahead else "next in line"
        if self.seconds is None or (self.seconds < 1 and not self.ahead):
            return place
        about = roughly(self.seconds)
        return f"{place}, {about if about.startswith('under') else f'about {about}'}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Outlook:
    """Of one run, or of several together."""

    usual: float | None = None
    """Seconds that it takes when it passes."""
    wait: Wait | None = None
    """For a worker; None: it does not wait for one."""
    tests: int | None = None
    """That it had before."""
    left: float | None = None
    """Seconds until all has ended; None: nobody knows, or it is late."""

    @property
    def left_words(self) -> str:
        return "" if self.left is None else f", {roughly(self.left)} left"


NOTHING_KNOWN = Outlook()


def left_of(
    runs: Sequence[Run], usual: Mapping[RunId, float], starts_in: float | None, now: datetime
) -> float | None:
    """Seconds until the last of them should end: of what needs another one, after that.

    `starts_in`: seconds until those that wait for a worker have one. None: nobody knows, or they are late.
    """
    ends: dict[RunId, float | None] = {run.id: 0.0 for run in runs if run.state.is_final}

    def end(run: Run) -> float | None:
        if run.id not in ends:
            ends[run.id] = None  # whatever needs itself never ends
            begins, takes = begin(run), usual.get(run.id)
            ends[run.id] = None if begins is None or takes is None else max(begins + takes, 0.0)
        return ends[run.id]

    def begin(run: Run) -> float | None:
        if run.state is RunState.QUEUED and run.blocked:
            needed = [end(one) for one in runs if one.suite.name in run.suite.needs]
            known = [one for one in needed if one is not None]
            return max(known, default=None) if len(known) == len(needed) else None
        if run.state is RunState.QUEUED:
            return starts_in
        if run.state is RunState.AWAITING_APPROVAL:
            return None
        return -between(run.started_at, now)

    found = [end(run) for run in runs]
    known = [one for one in found if one is not None]
    return max(known) or None if known and len(known) == len(found) else None


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

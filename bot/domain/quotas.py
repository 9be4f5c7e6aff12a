"""How many runs there may be at once, so that nobody takes all (RELIABILITY T28)."""

from dataclasses import dataclass, fields
from typing import Final


@dataclass(frozen=True, slots=True, kw_only=True)
class Quotas:
    """None: as many as there are.

    A stranger is the author of a change that is not trusted; each has quotas of their own in each repository.
    """

    runs_max: int | None = None
    """Runs of a repository that workers hold at once; more wait."""
    queue_max: int | None = None
    """Runs of a repository that wait for a worker; more are refused."""
    stranger_runs_max: int | None = None
    stranger_queue_max: int | None = None
    """Also what waits for approval counts."""

    def within(self, ceiling: "Quotas") -> "Quotas":
        """Of both the tighter ones."""
        return Quotas(**{one.name: _tighter(getattr(self, one.name), getattr(ceiling, one.name)) for one in _FIELDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """How many runs there are."""

    claimed: int
    waiting: int
    """Queued; of a stranger also those that wait for approval."""


def _tighter(one: int | None, other: int | None) -> int | None:
    if one is None or other is None:
        return other if one is None else one
    return min(one, other)


_FIELDS: Final = fields(Quotas)
UNBOUNDED: Final = Quotas()

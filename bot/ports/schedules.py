"""When suites are due by their schedule: a part of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.refs import RepositoryId
from bot.domain.suites import Schedule


@dataclass(frozen=True, slots=True, kw_only=True)
class Planned:
    """The next time of a suite."""

    suite: str
    schedule: Schedule
    """As the default branch's suite file had it when the time was worked out."""
    due_at: datetime


class Schedules(Protocol):
    def of_repository(self, repository: RepositoryId) -> Sequence[Planned]:
        """By suite."""

    def replace(self, repository: RepositoryId, planned: Sequence[Planned]) -> None:
        """These, and no others."""

    def due(self, now: datetime, limit: int) -> Sequence[RepositoryId]:
        """Repositories with a time that has come, the longest overdue first."""

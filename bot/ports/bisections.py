"""Searches for the commit that broke a branch: a part of the store."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.bisecting import Bisection
from bot.domain.catalog import Chosen
from bot.domain.runs import BuildId, Run, RunId


class Bisections(Protocol):
    def add(self, bisection: Bisection) -> Bisection:
        """Store it and give it its number, or give the one that its run has already."""

    def get(self, number: int) -> Bisection:
        """Raises: Gone."""

    def of_run(self, run: RunId) -> Bisection | None: ...

    def of_build(self, build: BuildId) -> Sequence[Bisection]:
        """Oldest first."""

    def running(self, limit: int) -> Sequence[Bisection]:
        """Oldest first."""

    def save(self, bisection: Bisection) -> bool:
        """Write what changes of it; False and no effect when it has ended already."""

    def runs(self, number: int) -> Sequence[Run]:
        """Those that it started, oldest first."""

    def last_good(self, run: Run, branch: str, chosen: Chosen | None) -> Run | None:
        """The newest earlier run of its suite and cell that passed on the branch, with all its shards.

        Of a suite file's suite (`chosen` None) one that counts for a push; of a registered one a run of that version.
        """

    def told(self, bisection: Bisection, chosen: Chosen | None) -> Sequence[Run]:
        """Such runs of its suite and cell at its commits that have ended, oldest first."""

"""Test results: a part of the store that grows with every run."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.refs import RepositoryId, Sha
from bot.domain.results import Case, Mute, Outcome, Results
from bot.domain.runs import BuildId, Run, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Base:
    """A finished build of a branch that a run is compared with."""

    branch: str
    build: BuildId
    sha: Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class Past:
    """One earlier result of a test."""

    run: RunId
    build: BuildId
    sha: Sha
    branch: str
    """Empty: of a change."""
    outcome: Outcome
    seconds: float | None
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class Unsteady:
    """A test that has failed and passed on one commit."""

    suite: str
    cell: str
    name: str
    commits: int
    """On so many."""
    failures: int
    runs: int
    """That told of it in that time."""
    people: int
    """Whose builds it broke."""
    last: datetime


class ResultTable(Protocol):
    """A test is known by repository, suite, cell (without its shard) and name."""

    def begin(self, run: Run) -> None:
        """Forget what an earlier attempt of the run has stored."""

    def add(self, run: Run, cases: Sequence[Case]) -> None:
        """Names are unique within a run. They count for nobody until `conclude`."""

    def conclude(self, run: Run, branch: str, results: Results) -> None:
        """Write what all of them come to, in place of what was there. `branch`: that was pushed to; empty: none.

        They are of now, or of the run's end where it has ended.
        """

    def of_run(self, run: RunId) -> Results | None: ...

    def cases(self, run: RunId, limit: int, *, outcome: Outcome | None = None, after: str = "") -> Sequence[Case]:
        """By name, only those behind `after`."""

    def base(self, run: Run, branch: str, sha: Sha | None = None) -> Base | None:
        """The newest build of a push to the branch with concluded results of that suite and cell.

        `sha`: only of that commit. The run's own build, and builds after it, do not count.
        """

    def newest(self, run: Run, branch: str) -> Results | None:
        """The newest concluded ones of its suite, cell and shard on a push to the branch; not its own."""

    def in_base(self, run: Run, base: Base, names: Iterable[str] | None = None) -> Mapping[str, Outcome]:
        """What the tests of that suite and cell came to there; all, or those of these names."""

    def seconds_in_base(self, run: Run, base: Base) -> Mapping[str, float]:
        """How long the tests of that suite and cell took there, where that is known."""

    def shard_plan(self, run: Run) -> str | None:
        """What was kept for the shards of its suite and cell at its commit."""

    def keep_shard_plan(self, run: Run, plan: str) -> str:
        """Keep it, unless another shard was faster; gives what is kept. Old ones go with `prune`."""

    def history(
        self, repository: RepositoryId, suite: str, cell: str, name: str, limit: int, *, branch: str | None = None
    ) -> Sequence[Past]:
        """Newest first; of concluded runs only. `branch` None: of all branches and changes."""

    def flaky_among(self, run: Run, names: Sequence[str], since: float) -> frozenset[str]:
        """Of these tests, which failed in this run, those that have both failed and passed on one commit.

        In the last `since` seconds. The run itself, not concluded yet, counts as a failure on its commit.
        """

    def usual_seconds(self, run: Run, names: Sequence[str], branch: str) -> Mapping[str, float]:
        """The middle of the last few times on that branch."""

    def flaky(self, repository: RepositoryId, since: float, limit: int) -> Sequence[Unsteady]:
        """Those that broke most people's builds first."""

    def mute(self, repository: RepositoryId, mute: Mute) -> None:
        """In place of what there is for that test."""

    def unmute(self, repository: RepositoryId, suite: str, name: str) -> bool:
        """False: it was not muted."""

    def mutes(self, repository: RepositoryId) -> Sequence[Mute]:
        """Also those whose last day is over; by suite and name."""

    def prune(self, older_than: float, limit: int) -> int:
        """Forget results of so many runs that are older than that many seconds; how many."""

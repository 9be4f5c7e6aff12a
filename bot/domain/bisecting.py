"""Which commit broke a branch: found by halves, as `git bisect` does, one run of one suite at a time."""

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import BuildId, RunId

MOST_RUNS: Final = 20
"""Of one search: a thousand commits take ten, the others are for commits that can't be tested."""
MOST_COMMITS: Final = 1000


class Finding(enum.StrEnum):
    """What is known of one commit."""

    GOOD = "good"
    BAD = "bad"
    UNTESTABLE = "untestable"
    """It tells nothing: the suite could not run there, is not there, or failed in another way."""


class BisectionState(enum.StrEnum):
    RUNNING = "running"
    FOUND = "found"
    UNCLEAR = "unclear"
    """Between the good and the bad commit lie only such as can't be tested."""
    STOPPED = "stopped"


@dataclass(frozen=True, slots=True, kw_only=True)
class Bisection:
    """A search for the first commit of a branch at which a suite fails as one of its runs did."""

    id: int = 0
    repository: RepositoryId
    build: BuildId
    """Of the failed run."""
    run: RunId
    """The failed one, whose failed tests are looked for."""
    branch: str
    suite: str
    """Its key."""
    good: Sha
    """Where it passed last."""
    commits: tuple[Sha, ...]
    """Behind that one up to that of the failed run, oldest first, along the branch itself: what was merged into it
    counts as one."""
    untestable: tuple[Sha, ...] = ()
    """Commits where no run could be started."""
    state: BisectionState = BisectionState.RUNNING
    first_bad: Sha | None = None
    note: str = ""
    """What people are told: the commit's title, or why nothing was found."""
    author: str = ""
    """Of the first bad commit, as git names them."""
    actor: str
    created_at: datetime
    finished_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Try:
    """That commit has to be run."""

    sha: Sha


@dataclass(frozen=True, slots=True)
class Ended:
    first_bad: Sha | None = None
    suspects: tuple[Sha, ...] = ()
    """Without a first bad one: those of which one is it, oldest first."""


def runs_left(commits: Sequence[Sha], known: Mapping[Sha, Finding]) -> int:
    """How many more commits have to be run, if all of them can be tested."""
    bad, good = _bounds(commits, known)
    return sum(commits[place] not in known for place in range(good + 1, bad)).bit_length()


def _bounds(commits: Sequence[Sha], known: Mapping[Sha, Finding]) -> tuple[int, int]:
    """Places of the first commit that is known to be bad, and of the last good one before it (-1: none of them)."""
    last = len(commits) - 1
    bad = next((place for place in range(last) if known.get(commits[place]) is Finding.BAD), last)
    return bad, next((place for place in reversed(range(bad)) if known.get(commits[place]) is Finding.GOOD), -1)


def next_step(commits: Sequence[Sha], known: Mapping[Sha, Finding]) -> Try | Ended:
    """`commits`: oldest first; what lies before them is good, the last of them is bad."""
    bad, good = _bounds(commits, known)
    between = [place for place in range(good + 1, bad) if commits[place] not in known]
    if between:
        middle = (good + bad) / 2
        return Try(commits[min(between, key=lambda place: abs(place - middle))])
    if bad == good + 1:
        return Ended(first_bad=commits[bad])
    return Ended(suspects=tuple(commits[good + 1 : bad + 1]))

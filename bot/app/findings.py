"""What is known of the commits of a search, from the runs that there are (`bisecting` makes more)."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.bisecting import Bisection, Finding, runs_left
from bot.domain.bisecting_words import Told
from bot.domain.refs import Sha
from bot.domain.results import Mark, Outcome
from bot.domain.runs import BuildId, Reason, Run, RunId, RunState
from bot.ports.store import UnitOfWork

_FAILED: Final = 10_000
"""Tests of a run that are looked at."""


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of a search, and what is known of it."""

    sha: Sha
    finding: Finding | None = None
    """None: nothing yet."""
    run: Run | None = None
    """What tells so, or is about to."""
    is_first_bad: bool = False


@dataclass(frozen=True, slots=True)
class Search:
    """A search with all commits that something is known of or that are being run."""

    found: Bisection
    steps: Sequence[Step]
    told: Told


def of_build(work: UnitOfWork, number: BuildId) -> Sequence[Search]:
    return [look_at(work, one) for one in work.bisections.of_build(number)]


def look_at(work: UnitOfWork, bisection: Bisection) -> Search:
    found, own = known(work, bisection), work.bisections.runs(bisection.id)
    runs = _telling(work, bisection) | {run.sha: run for run in own}
    steps = [
        Step(sha, found.get(sha), runs.get(sha), is_first_bad=sha == bisection.first_bad)
        for sha in bisection.commits
        if sha in found or sha in runs
    ]
    first = bisection.commits.index(bisection.first_bad) if bisection.first_bad else 0
    told = Told(
        search=bisection,
        runs=len(own),
        left=runs_left(bisection.commits, found),
        before=bisection.commits[first - 1] if first else bisection.good,
        tests=_broken_tests(work, bisection, next((step.run for step in steps if step.is_first_bad), None)),
    )
    return Search(bisection, steps, told)


def _broken_tests(work: UnitOfWork, bisection: Bisection, first_bad: Run | None) -> tuple[str, ...]:
    """Of those that are looked for the ones that fail at the first bad commit."""
    if first_bad is None:
        return ()
    wanted = _wanted_tests(work, work.runs.get(bisection.run))
    return tuple(sorted(_failed(work, first_bad.id) & wanted))


def _telling(work: UnitOfWork, bisection: Bisection) -> dict[Sha, Run]:
    """Of each commit that has run already the newest run."""
    chosen = work.builds.get(bisection.build).chosen
    return {run.sha: run for run in work.bisections.told(bisection, chosen)}


def known(work: UnitOfWork, bisection: Bisection) -> Mapping[Sha, Finding]:
    """What pushes have shown already, and what the search has found; of commits where something has ended."""
    bad = work.runs.get(bisection.run)
    wanted = _wanted_tests(work, bad)
    # The same shard of another commit may have run other tests.
    earlier = _telling(work, bisection) if bad.suite.shards == 1 else {}
    told = {sha: _finding(work, bad, wanted, run) for sha, run in earlier.items()}
    found: dict[Sha, Finding] = {sha: finding for sha, finding in told.items() if finding is not Finding.UNTESTABLE}
    steps = [run for run in work.bisections.runs(bisection.id) if run.state.is_final]
    found |= {run.sha: _finding(work, bad, wanted, run) for run in steps}
    return found | dict.fromkeys(bisection.untestable, Finding.UNTESTABLE) | {bad.sha: Finding.BAD}


def _wanted_tests(work: UnitOfWork, bad: Run) -> frozenset[str]:
    """The failed tests that are looked for: those that one can rely on, or all if there are no others."""
    if bad.reason is not Reason.TESTS:
        return frozenset()
    results = work.results.of_run(bad.id)
    shaky = {Mark.FLAKY, Mark.QUARANTINED}
    doubtful = {one.name for one in results.failures if one.mark in shaky} if results else set()
    failed = _failed(work, bad.id)
    return frozenset(failed - doubtful or failed)


def _failed(work: UnitOfWork, run: RunId) -> set[str]:
    return {case.name for case in work.results.cases(run, _FAILED, outcome=Outcome.FAILED)}


def _finding(work: UnitOfWork, bad: Run, wanted: Collection[str], run: Run) -> Finding:
    """Only what fails in the same way is bad: a commit that can't even be built says nothing about its tests."""
    if run.state is RunState.PASSED and run.reason is None:
        return Finding.GOOD
    if (run.state, run.reason) != (bad.state, bad.reason):
        return Finding.UNTESTABLE
    if run.reason is not Reason.TESTS:
        return Finding.BAD
    return Finding.GOOD if _failed(work, run.id).isdisjoint(wanted) else Finding.BAD

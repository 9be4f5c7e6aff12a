"""What is ahead of runs that have not ended, so that people know when to look again."""

import statistics
from collections.abc import Sequence
from typing import Final

from bot.app.context import App
from bot.domain.refs import Repository
from bot.domain.runs import Build, Run, RunState
from bot.domain.texts import between
from bot.domain.waiting import NOTHING_KNOWN, Outlook, Wait, left_of, starts_in
from bot.ports.store import UnitOfWork

_PASSES: Final = 9
"""The last ones, that the usual time is the middle of."""
_LOOKED_AT: Final = 30
"""Runs of one check that are still to end; of more nothing is told."""


def outlook_of(app: App, work: UnitOfWork, run: Run, build: Build, repository: Repository) -> Outlook:
    usual = _usual_seconds(work, run, build, repository)
    wait = _wait_of(app, work, run, usual)
    if run.state.is_final or usual is None:
        return Outlook(usual=usual, wait=wait)
    return Outlook(
        usual=usual,
        wait=wait,
        tests=_usual_tests(work, run, build, repository) if run.progress else None,
        left=left_of([run], {run.id: usual}, wait.seconds if wait else None, app.now()),
    )


def outlook_of_all(app: App, work: UnitOfWork, runs: Sequence[Run], build: Build, repository: Repository) -> Outlook:
    """How long the longest way to the end of all is; `wait`: of the first that waits for a worker."""
    unfinished = [run for run in runs if not run.state.is_final]
    if not 0 < len(unfinished) <= _LOOKED_AT:
        return NOTHING_KNOWN
    usual = {run.id: _usual_seconds(work, run, build, repository) for run in unfinished}
    known = {one: seconds for one, seconds in usual.items() if seconds is not None}
    waiting = [run for run in unfinished if run.state is RunState.QUEUED and not run.blocked]
    waits = [_wait_of(app, work, run, usual[run.id]) for run in (waiting[:1] + waiting[1:][-1:])]
    last = waits[-1].seconds if waits and waits[-1] else None
    return Outlook(wait=waits[0] if waits else None, left=left_of(runs, known, last, app.now()))


def _usual_seconds(work: UnitOfWork, run: Run, build: Build, repository: Repository) -> float | None:
    """On the branch that it is for, else on the default branch; None before the first pass there."""
    for branch in _branches(build, repository):
        if times := work.runs.times(run, branch, _PASSES):
            return statistics.median(times)
    return None


def _usual_tests(work: UnitOfWork, run: Run, build: Build, repository: Repository) -> int | None:
    found = (work.results.newest(run, branch) for branch in _branches(build, repository))
    return next((one.total for one in found if one is not None), None)


def _branches(build: Build, repository: Repository) -> Sequence[str]:
    return tuple(dict.fromkeys((build.base_ref or build.ref, repository.default_branch)))


def _wait_of(app: App, work: UnitOfWork, run: Run, usual: float | None) -> Wait | None:
    """Of a run that waits for a worker; `usual`: seconds that it takes itself. None: it waits for nothing."""
    ahead = work.runs.place(run.id) if run.state is RunState.QUEUED else None
    if ahead is None:
        return None
    if usual is None:
        return Wait(ahead)
    slots = sum(one.slots for one in work.workers.every() if one.is_live and not one.draining)
    running = [one for _, one in work.runs.by_owner()]
    usuals = [_usual(work, one) or usual for one in running]
    remaining = [
        max(took - (between(one.started_at, app.now()) if one.started_at else 0.0), 0.0)
        for one, took in zip(running, usuals, strict=True)
    ]
    return Wait(ahead, starts_in(remaining, slots, ahead, statistics.fmean([*usuals, usual])))


def _usual(work: UnitOfWork, run: Run) -> float | None:
    build = work.builds.get(run.build)
    return _usual_seconds(work, run, build, work.repositories.get(run.repository))

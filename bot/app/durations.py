"""How long a suite usually takes, so that people know when to look again."""

import statistics
from typing import Final

from bot.app.context import App
from bot.domain.refs import Repository
from bot.domain.runs import Build, Run, RunState
from bot.domain.texts import between
from bot.domain.waiting import Wait, starts_in
from bot.ports.store import UnitOfWork

_PASSES: Final = 9
"""The last ones, that the usual time is the middle of."""


def usual_seconds(work: UnitOfWork, run: Run, build: Build, repository: Repository) -> float | None:
    """On the branch that it is for, else on the default branch; None before the first pass there."""
    for branch in dict.fromkeys((build.base_ref or build.ref, repository.default_branch)):
        if times := work.runs.times(run, branch, _PASSES):
            return statistics.median(times)
    return None


def wait_of(app: App, work: UnitOfWork, run: Run, usual: float | None) -> Wait | None:
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
    return usual_seconds(work, run, build, work.repositories.get(run.repository))

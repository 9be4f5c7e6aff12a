"""Runs whose process is gone go back to the queue; what they left in the engine goes (RELIABILITY §6.4, §6.8).

A process beside an engine is at a place; only there can a container of that place be removed. A place that nobody
answers from has no container either: its worker ended them before its lease did, or they ended with the machine.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Final, TypeVar

import structlog

from bot.app import announcing
from bot.app.context import App
from bot.domain.errors import BotError
from bot.domain.runs import Reason, Run, RunState
from bot.ports.queue import ExecuteRun
from bot.ports.telemetry import Metric

log = structlog.get_logger()

Item = TypeVar("Item")
Result = TypeVar("Result")

_TAKEN_OVER: Final = 20
"""Times that one attempt can be taken over while its container runs."""
_FAR: Final = 1.5
"""A place gets so many grace times for its own runs before another takes them away from it."""


def take_over(app: App) -> Sequence[Run]:
    """Runs of the process whose name this one has now: names are given away only after the death of who had them.

    Those whose container was left are this process's from now on, to be resumed; the others go back to the queue.
    If it was dead for long, another place may have its runs; what they left here goes before anything is begun.
    """
    with app.work() as work:
        left = work.runs.held(f"{app.process}:")
    ours = [run for run in each(left, lambda run: _take_over(app, run)) if run is not None]
    _remove_dead(app, older_than=0)
    return ours


def _take_over(app: App, run: Run) -> Run | None:
    """One that makes its workers die again and again is given up: by how often, and once its container has ended."""
    is_going_on = run.state is RunState.RUNNING and run.output_at is not None
    started = app.sandbox.started(run.id, run.attempt) if is_going_on else None
    if started is None:
        _give_back_here(app, run)
        return None
    with app.work() as work:
        if work.runs.taken_over(run) < _TAKEN_OVER:
            state = RunState.RUNNING if started.is_live else RunState.FINALIZING
            log.info("run.taken_over", run=run.id, attempt=run.attempt, state=state.value)
            return work.runs.take_over(run, state, app.owner, app.rules.lease)
    _give_back_here(app, run)
    return None


def reap_here(app: App) -> int:
    """Runs whose worker at this place is dead or frozen; the old container is removed first."""
    with app.work() as work:
        expired = work.runs.expired(app.rules.grace, at=f"{app.place}/")
    return sum(each(expired, lambda run: _give_back_here(app, run)))


def reap_elsewhere(app: App) -> int:
    """Runs of places that nobody answers from."""
    with app.work() as work:
        expired = work.runs.expired(_FAR * app.rules.grace, not_at=f"{app.place}/")
    return sum(each(expired, lambda run: _give_back(app, run)))


def clean(app: App) -> int:
    """Containers, networks, volumes and folders without a live attempt."""
    # What is younger may be about to be removed by its maker.
    return _remove_dead(app, older_than=app.rules.lease)


def _remove_dead(app: App, older_than: float) -> int:
    found = app.sandbox.leftovers()
    with app.work() as work:
        live = {(run, attempt) for run, attempt, _ in work.runs.live()}
    gone = [one for one in found if (one.run, one.attempt) not in live and one.age >= older_than]
    return len(each(gone, lambda one: app.sandbox.remove(one.run, one.attempt)))


def each(items: Iterable[Item], do: Callable[[Item], Result]) -> list[Result]:
    """What fails for one is tried again next time and keeps nobody else waiting."""
    done = []
    for item in items:
        try:
            done.append(do(item))
        except BotError as error:
            log.warning("upkeep.failed_for_one", error=str(error))
    return done


def _give_back_here(app: App, run: Run) -> bool:
    app.sandbox.remove(run.id, run.attempt)
    return _give_back(app, run)


def _give_back(app: App, run: Run) -> bool:
    after = run.given_back(Reason.WORKER_LOST, app.now(), "the worker stopped answering")
    with app.work() as work:
        if not work.runs.save(run, after, app.owner):
            return False
        announcing.run_changed(work, after)
        if after.state is RunState.QUEUED:
            work.send(ExecuteRun(run.id))
    if after.state.is_final:
        app.logs.close(run.id)
    app.telemetry.count(Metric.RUNS, state=after.state.value, reason=(after.reason or ""))
    log.warning("run.reaped", run=run.id, attempt=run.attempt, state=after.state.value)
    return True

"""Keeping promises when messages get lost and processes die: every duty compares what is with what should be.

Any process may do any of them, under a lease in the store; what a duty did not finish, the next turn does.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

import structlog

from bot.app import announcing, bisecting, caching, collecting, ending, missed, presence, reclaiming, scheduling
from bot.app.context import App, Rules
from bot.domain.errors import BotError
from bot.domain.runs import Reason, Run, RunState
from bot.ports.queue import ExecuteRun, HandleDelivery, SendNotice, SendReport, Task
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import Metric

log = structlog.get_logger()

Item = TypeVar("Item")

_MANY: Final = 1000
_USUAL_LEASE: Final = 60.0
_RESULTS_KEPT: Final = 90 * 86400.0
"""Test by test; a build's own texts stay on the forge."""
_MANY_RESULTS: Final = 20
"""Runs at once, each of which may have 100,000 tests."""
_BODIES_KEPT: Final = 7 * 86400.0


@dataclass(frozen=True, slots=True)
class Duty:
    every: float
    """Seconds between two turns where a lease lasts a minute; see `pause`."""
    do: Callable[[App], int]
    """How many things it did."""
    at_start: bool = False
    """A process that starts does it at once, whoever did it last: it may know nothing of what happened meanwhile."""


def pause(app: App, duty: Duty) -> float:
    """Seconds until the next turn, of whichever process: as a lease gets shorter, what it ends is found sooner.

    A process that dies holds nothing up for longer than that.
    """
    return max(duty.every * min(app.rules.lease / _USUAL_LEASE, 1.0), min(duty.every, 1.0))


def retry_pauses(lease: float) -> tuple[float, float]:
    """Shorter with the lease, as everything that goes by it."""
    share = min(lease / _USUAL_LEASE, 1.0)
    first, second = Rules().retry_pauses
    return first * share, second * share


def take_turn(app: App, name: str, duty: Duty, *, first: bool = False) -> None:
    """Do the duty unless another process has it. A stumbling duty is logged and tried again, it ends nobody."""
    try:
        with app.work() as work:
            where = f":{app.place}" if name in ENGINE_DUTIES else ""
            is_mine = work.leases.take(f"upkeep:{name}{where}", app.owner, pause(app, duty))
        if not is_mine and not (first and duty.at_start):
            return
        done = duty.do(app)
    except BotError as error:
        log.warning("upkeep.failed", duty=name, error=str(error))
        app.telemetry.count(Metric.UPKEEP_FAILURES, action=name)
        return
    except Exception:  # a loop's end: one duty must not stop the others
        log.exception("upkeep.stumbled", duty=name)
        app.telemetry.count(Metric.UPKEEP_FAILURES, action=name)
        return
    if done:
        log.info("upkeep.done", duty=name, count=done)
        app.telemetry.count(Metric.UPKEEP, done, action=name)


def _hinting(due: Callable[[UnitOfWork], Sequence[Item]], task: Callable[[Item], Task]) -> Callable[[App], int]:
    """A duty that hints again at all that is due: hints may have been lost."""

    def hint(app: App) -> int:
        with app.work() as work:
            found = due(work)
            for one in found:
                work.send(task(one))
        return len(found)

    return hint


def _hint_at_runs(app: App) -> int:
    """Not at those that quotas hold: of them there may be many."""
    return _hinting(lambda work: work.runs.queued(_MANY, app.rules.quotas), ExecuteRun)(app)


def _look_at_needs(app: App) -> int:
    with app.work() as work:
        commits = work.runs.commits_with_blocked(_MANY)
    count = 0
    for repository, sha in commits:
        with app.work() as work:
            count += announcing.look_at_needs(work, repository, sha)
    return count


def _close_logs(app: App) -> int:
    """Of runs whose worker died between the verdict and the end of the log."""
    open_ones = app.logs.left_open(_MANY)
    for run in open_ones:
        app.logs.close(run)
    return len(open_ones)


def _end_overdue(app: App) -> int:
    """Every run ends within a day, come what may."""
    with app.work() as work:
        overdue = work.runs.overdue(app.rules.hard_age)
        for run in overdue:
            _end_hard(app, work, run)
        expired = work.runs.waiting(app.rules.approval_age)
        for run in expired:
            ending.end_run(app, work, run, Reason.CLOSED, "nobody approved it in time")
    return len(overdue) + len(expired)


def _end_hard(app: App, work: UnitOfWork, run: Run) -> None:
    ended = run.ended(RunState.ERRORED, Reason.DEADLINE, app.now(), "it had not ended within a day")
    if work.runs.save(run, ended, app.owner):
        announcing.run_changed(work, ended)
        app.telemetry.count(Metric.RUNS, state=ended.state.value, reason=Reason.DEADLINE.value)


def _prune(app: App) -> int:
    with app.work() as work:
        return work.deliveries.prune(_BODIES_KEPT)


def _prune_results(app: App) -> int:
    with app.work() as work:
        return work.results.prune(_RESULTS_KEPT, _MANY_RESULTS)


DUTIES: Final[dict[str, Duty]] = {
    "reports": Duty(1.0, _hinting(lambda work: work.reports.due(_MANY), SendReport)),
    "notices": Duty(10.0, _hinting(lambda work: work.notices.due(_MANY), SendNotice)),
    "deliveries": Duty(5.0, _hinting(lambda work: work.deliveries.due(_MANY), HandleDelivery)),
    "runs": Duty(5.0, _hint_at_runs),
    "needs": Duty(5.0, _look_at_needs),
    "bisections": Duty(2.0, bisecting.advance),
    "schedule": Duty(10.0, scheduling.start_due),
    "stranded": Duty(60.0, presence.tell_waits),
    "lost": Duty(5.0, reclaiming.reap_elsewhere),
    "logs": Duty(60.0, _close_logs),
    "deadlines": Duty(60.0, _end_overdue),
    "results": Duty(600.0, _prune_results),
    "retention": Duty(3600.0, _prune),
    "artifacts": Duty(600.0, collecting.prune),
    "missed deliveries": Duty(600.0, missed.ask_again, at_start=True),
    "open changes": Duty(600.0, missed.look_at_changes, at_start=True),
    "branches": Duty(600.0, missed.look_at_branches, at_start=True),
    "polling": Duty(20.0, missed.fetch),
    "contents": Duty(6 * 3600.0, collecting.sweep),
}
ENGINE_DUTIES: Final[dict[str, Duty]] = {
    "reaper": Duty(10.0, reclaiming.reap_here),
    "janitor": Duty(60.0, reclaiming.clean),
    "caches": Duty(600.0, caching.sweep),
}
"""Of every place with an engine."""

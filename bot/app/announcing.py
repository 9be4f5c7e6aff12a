"""Making a visible change known: raises the versions of the reports that show it, within the caller's transaction."""

from typing import Final

from bot.domain.checks import AGGREGATE, check_name
from bot.domain.runs import Build, Run, RunState
from bot.ports.queue import SendReport
from bot.ports.store import UnitOfWork

_MADE: Final = 0.1
_UNDER_WAY: Final = 0.5
"""Seconds in which the next state may come before the forge hears of one that is not the last: the forge wants few
writes, and what is due at once, the run itself above all, goes first."""


def run_changed(work: UnitOfWork, run: Run) -> None:
    """The run's own check, if it still owns it, and the aggregate of its commit."""
    for name, owner in ((check_name(run.suite.name), run.id), (AGGREGATE, None)):
        report = work.reports.touch(run.repository, run.sha, name, owner)
        if report is not None:
            work.send(SendReport(report), delay=0 if run.state.is_final else _UNDER_WAY)


def run_made(work: UnitOfWork, build: Build, run: Run) -> None:
    """From now on the run speaks through its check; one that waits for approval stays silent (PRODUCT §2.3)."""
    if run.state is not RunState.AWAITING_APPROVAL:
        name = check_name(run.suite.name)
        report = work.reports.own(run.repository, run.sha, name, build.id, run.id)
        work.send(SendReport(report), delay=0 if run.state.is_final else _MADE)


def build_made(work: UnitOfWork, build: Build) -> None:
    work.send(SendReport(work.reports.own(build.repository, build.sha, AGGREGATE, build.id, None)), delay=_MADE)

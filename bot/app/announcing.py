"""Making a visible change known: raises the versions of the reports that show it, within the caller's transaction."""

from bot.domain.checks import AGGREGATE, check_name
from bot.domain.runs import Build, Run, RunState
from bot.ports.queue import SendReport
from bot.ports.store import UnitOfWork


def run_changed(work: UnitOfWork, run: Run) -> None:
    """The run's own check, if it still owns it, and the aggregate of its commit."""
    for name, owner in ((check_name(run.suite.name), run.id), (AGGREGATE, None)):
        report = work.reports.touch(run.repository, run.sha, name, owner)
        if report is not None:
            work.send(SendReport(report))


def run_made(work: UnitOfWork, build: Build, run: Run) -> None:
    """From now on the run speaks through its check; one that waits for approval stays silent (PRODUCT §2.3)."""
    if run.state is not RunState.AWAITING_APPROVAL:
        name = check_name(run.suite.name)
        work.send(SendReport(work.reports.own(run.repository, run.sha, name, build.id, run.id)))


def build_made(work: UnitOfWork, build: Build) -> None:
    work.send(SendReport(work.reports.own(build.repository, build.sha, AGGREGATE, build.id, None)))

"""What follows from a change of a run, in the same transaction: reports become due, runs that needed it start."""

from bot.domain.build_check import newest_of_each_cell
from bot.domain.checks import AGGREGATE, PASSING, check_name
from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import Build, Reason, Run, RunState
from bot.domain.suite_check import conclusion
from bot.ports.queue import ExecuteRun, SendReport
from bot.ports.store import UnitOfWork


def run_changed(work: UnitOfWork, run: Run) -> None:
    """`run` as it is now."""
    for name in (check_name(run.suite.name), AGGREGATE):
        report = work.reports.touch(run.repository, run.sha, name)
        if report is not None:
            work.send(SendReport(report))
    if run.state.is_final:
        look_at_needs(work, run.repository, run.sha)


def run_made(work: UnitOfWork, build: Build, run: Run) -> None:
    """From now on the run speaks through its check."""
    name = check_name(run.suite.name)
    work.send(SendReport(work.reports.own(run.repository, run.sha, name, build.id, run.id)))


def build_made(work: UnitOfWork, build: Build) -> None:
    work.send(SendReport(work.reports.own(build.repository, build.sha, AGGREGATE, build.id, None)))


def runs_at(work: UnitOfWork, repository: RepositoryId, sha: Sha) -> tuple[Run, ...]:
    """The runs of a commit that count: of each suite and cell the newest."""
    builds = reversed(work.builds.at(repository, sha))
    return newest_of_each_cell(run for build in builds for run in work.runs.of_build(build.id))


def look_at_needs(work: UnitOfWork, repository: RepositoryId, sha: Sha) -> None:
    """Runs whose needs have all passed may start; those that need something that did not pass are skipped."""
    blocked = work.runs.blocked_at(repository, sha)
    if not blocked:
        return
    runs = runs_at(work, repository, sha)
    for run in blocked:
        needed = [one for one in runs if one.suite.name in run.suite.needs]
        bad = [one for one in needed if one.state.is_final and not _has_passed(one)]
        if bad:
            _skip(work, run, bad[0])
        elif all(one.state.is_final for one in needed) and work.runs.unblock(run.id):
            work.send(ExecuteRun(run.id))


def _has_passed(run: Run) -> bool:
    return conclusion(run) in PASSING and run.reason is not Reason.NEEDS_FAILED


def _skip(work: UnitOfWork, run: Run, bad: Run) -> None:
    assert bad.finished_at is not None
    note = f"needs {bad.suite.key}, which did not pass"
    skipped = run.ended(RunState.SKIPPED, Reason.NEEDS_FAILED, bad.finished_at, note)
    if work.runs.save(run, skipped, "needs"):
        run_changed(work, skipped)

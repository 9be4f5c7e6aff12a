"""What follows from a change of a run, in the same transaction: reports become due, runs that needed it start."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import partial
from typing import Final

from bot.domain.build_check import newest_of_each_cell
from bot.domain.checks import AGGREGATE, check_name, searched_change
from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import Build, Reason, Run, RunId, RunState
from bot.domain.suite_check import has_passed
from bot.domain.suites import ChecksPer, Suite
from bot.ports.queue import ExecuteRun, SendNotice, SendReport
from bot.ports.store import UnitOfWork

_MARGIN: Final = 0.05


def run_changed(work: UnitOfWork, run: Run, pause: float = 0) -> None:
    """`run` as it is now; `pause`: seconds that its checks may wait for something newer."""
    if run.bisection is not None:
        return
    _touch(work, run.repository, run.sha, _names(run.suite), pause)
    if run.state.is_final:
        look_at_needs(work, run.repository, run.sha)
        for notice in work.notices.of_run(run.id):
            work.send(SendNotice(notice))


def progressed(work: UnitOfWork, run: Run, pause: float) -> None:
    """More of its tests have ended: its own check tells so with the next turn, the sum of the commit does not."""
    if run.bisection is None:
        for name in _names(run.suite):
            do = partial(_touch_one, work, run.repository, run.sha, name, pause)
            work.at_end(_order(run.repository, run.sha, name, 1, pause), do)


def _names(suite: Suite) -> set[str]:
    """Of the checks that may show it: one for all its cells, or one of its own."""
    return {check_name(suite.name), check_name(suite.key)}


def _touch(work: UnitOfWork, repository: RepositoryId, sha: Sha, names: Iterable[str], pause: float = 0) -> None:
    for name in (*names, AGGREGATE):
        work.at_end(_order(repository, sha, name, 1, pause), partial(_touch_one, work, repository, sha, name, pause))


def _touch_one(work: UnitOfWork, repository: RepositoryId, sha: Sha, name: str, pause: float) -> None:
    report = work.reports.touch(repository, sha, name, pause)
    if report is not None:
        work.send(SendReport(report), delay=_hint_after(pause))


def own(work: UnitOfWork, build: Build, name: str, run: RunId | None = None, pause: float = 0) -> None:
    """The build, and its run if there is one, speak through that check from now on."""

    def do() -> None:
        report = work.reports.own(build.repository, build.sha, name, build.id, run, pause)
        work.send(SendReport(report), delay=_hint_after(pause))

    work.at_end(_order(build.repository, build.sha, name, 0), do)


def _order(
    repository: RepositoryId, sha: Sha, name: str, step: int, pause: float = 0
) -> tuple[int | float | str, ...]:
    """In which checks are taken: the sum of a commit after its parts."""
    return repository, sha, int(name == AGGREGATE), name, step, pause


def _hint_after(pause: float) -> float:
    """The store's clock decides what is due; a hint that came a moment too early would be lost."""
    return pause + _MARGIN if pause else 0


def run_made(work: UnitOfWork, build: Build, run: Run) -> None:
    """From now on the run speaks through its check."""
    per_cell = build.pull_requests.checks is ChecksPer.CELL
    name = check_name(run.suite.key if per_cell else run.suite.name)
    own(work, build, name, run.id)


def build_made(work: UnitOfWork, build: Build, pause: float = 0) -> None:
    own(work, build, AGGREGATE, pause=pause)


def search_ended(work: UnitOfWork, repository: RepositoryId, sha: Sha) -> None:
    """A search for what broke that commit; whoever asked for it on a change is told there."""
    for report in work.reports.at(repository, sha):
        if searched_change(report.name) is not None:
            work.reports.touch(repository, sha, report.name)
            work.send(SendReport(report.id))


def runs_at(work: UnitOfWork, repository: RepositoryId, sha: Sha) -> tuple[Run, ...]:
    """The runs of a commit that count: of each suite and cell the newest."""
    return newest_of_each_cell(work.runs.of_commit(repository, sha))


def look_at_needs(work: UnitOfWork, repository: RepositoryId, sha: Sha) -> int:
    """Runs whose needs have all passed may start; those that need something that did not pass are skipped.

    How many these are. Of two needs that end at the same moment neither transaction may see the other's end; upkeep
    looks again.
    """
    blocked = {run.suite.key: run for run in work.runs.blocked_at(repository, sha)}
    if not blocked:
        return 0
    by_name: dict[str, dict[str, Run]] = defaultdict(dict)
    for run in runs_at(work, repository, sha):
        by_name[run.suite.name][run.suite.key] = run
    skipped = _skip(work, blocked, by_name)
    count = len(skipped)
    for run in blocked.values():
        is_free = all(one.state.is_final for name in run.suite.needs for one in by_name[name].values())
        if is_free and work.runs.unblock(run.id):
            work.send(ExecuteRun(run.id))
            count += 1
    if skipped:
        _touch(work, repository, sha, {name for run in skipped for name in _names(run.suite)})
    return count


def _skip(work: UnitOfWork, blocked: dict[str, Run], by_name: dict[str, dict[str, Run]]) -> list[Run]:
    """Take out of `blocked` what can't run any more, and what needs that in turn; those that were skipped."""
    skipped = list[Run]()
    while found := [one for run in blocked.values() if (one := _skipped(run, by_name)) is not None]:
        for run in found:
            if work.runs.save(blocked.pop(run.suite.key), run, "needs"):
                by_name[run.suite.name][run.suite.key] = run
                skipped.append(run)
    return skipped


def _skipped(run: Run, by_name: Mapping[str, Mapping[str, Run]]) -> Run | None:
    """The run as it is when something that it needs did not pass; None while nothing of that kind is known."""
    for name in run.suite.needs:
        for one in by_name[name].values():
            if one.finished_at is not None and not has_passed(one):
                note = f"needs {one.suite.key}, which did not pass"
                return run.ended(RunState.SKIPPED, Reason.NEEDS_FAILED, one.finished_at, note)
    return None

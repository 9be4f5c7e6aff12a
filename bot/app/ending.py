"""Ending runs that nobody wants any more: at once where they wait, through their worker where they run."""

from collections.abc import Iterable

from bot.app import announcing
from bot.app.context import App
from bot.domain.refs import Person, Repository, RepositoryId, Sha
from bot.domain.runs import Build, Cause, Reason, Run, RunState
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import Metric


def end_run(app: App, work: UnitOfWork, run: Run, reason: Reason, note: str) -> bool:
    """Idempotent; False when it had ended already."""
    while not run.state.is_final:
        if run.state.is_claimed and (run.cancel or work.runs.ask_to_end(run.id, reason, note)):
            return True
        ended = run if run.state.is_claimed else run.stopped(reason, app.now(), note)
        if ended is not run and work.runs.save(run, ended, app.owner):
            announcing.run_changed(work, ended)
            app.telemetry.count(Metric.RUNS, state=ended.state.value, reason=reason.value)
            return True
        run = work.runs.get(run.id)
    return False


def unfinished_of_change(work: UnitOfWork, repository: RepositoryId, change: int, own_branch: str) -> list[Run]:
    """Unfinished runs that are the change's alone: a run that another change or branch counts on is not its to end.

    `own_branch`: the branch of the repository that the change comes from, or nothing; pushes to it are the change's.
    """
    builds = work.builds.unfinished_of_change(repository, change)
    return [run for run in _runs(work, builds) if _is_theirs(work, run, change, own_branch)]


def _is_theirs(work: UnitOfWork, run: Run, change: int, own_branch: str) -> bool:
    return not run.state.is_final and all(
        one.change == change or (one.cause is Cause.PUSH and own_branch != "" and one.ref == own_branch)
        for one in work.builds.counting(run.id)
    )


def is_started_by(build: Build, person: Person) -> bool:
    """A program has no number."""
    return build.sender_id == person.id != 0


def unfinished_of_starter(work: UnitOfWork, repository: RepositoryId, sha: Sha, person: Person) -> list[Run]:
    """Unfinished runs of the commit that only builds count on which this person started."""
    return [
        run
        for run in work.runs.of_commit(repository, sha)
        if not run.state.is_final and all(is_started_by(one, person) for one in work.builds.counting(run.id))
    ]


def end_change(app: App, repository: Repository, change: int, own_branch: str, reason: Reason, note: str) -> int:
    """End whatever is unfinished for the change, also what waits for approval; how many runs."""
    with app.work() as work:
        runs = unfinished_of_change(work, repository.id, change, own_branch)
        return sum(end_run(app, work, run, reason, note) for run in runs)


def end_waiting_of_branch(app: App, repository: Repository, branch: str) -> int:
    """A deleted branch cancels what waits for it; what runs may end."""
    with app.work() as work:
        waiting = [
            run
            for run in _runs(work, work.builds.of_branch(repository.id, branch))
            if run.state is RunState.QUEUED
            and all(one.cause is Cause.PUSH and one.ref == branch for one in work.builds.counting(run.id))
        ]
        return sum(end_run(app, work, run, Reason.BRANCH_DELETED, f"branch {branch} deleted") for run in waiting)


def end_merge_group(app: App, repository: Repository, sha: Sha, note: str) -> int:
    """The queue has no use for that commit any more; once it is merged, the branch may count on its runs."""
    with app.work() as work:
        builds = [one for one in work.builds.at(repository.id, sha) if one.cause is Cause.MERGE_QUEUE]
        unwanted = [
            run
            for run in _runs(work, builds)
            if all(one.cause is Cause.MERGE_QUEUE for one in work.builds.counting(run.id))
        ]
        return sum(end_run(app, work, run, Reason.CLOSED, note) for run in unwanted)


def _runs(work: UnitOfWork, builds: Iterable[Build]) -> Iterable[Run]:
    return {run.id: run for build in builds for run in work.runs.of_build(build.id)}.values()

"""Ending runs that nobody wants any more: at once where they wait, through their worker where they run."""

from bot.app import announcing
from bot.app.context import App
from bot.domain.refs import Repository, Sha
from bot.domain.runs import Cause, Reason, Run, RunState
from bot.ports.store import UnitOfWork


def end_run(app: App, work: UnitOfWork, run: Run, reason: Reason, note: str) -> bool:
    """Idempotent; False when it had ended already."""
    while not run.state.is_final:
        if run.state.is_claimed and (run.cancel or work.runs.ask_to_end(run.id, reason, note)):
            return True
        ended = run if run.state.is_claimed else run.stopped(reason, app.now(), note)
        if ended is not run and work.runs.save(run, ended, app.owner):
            announcing.run_changed(work, ended)
            return True
        run = work.runs.get(run.id)
    return False


def end_change(app: App, repository: Repository, change: int, reason: Reason, note: str) -> int:
    """End whatever is unfinished for the change, also what waits for approval; how many runs."""
    with app.work() as work:
        runs = {
            run.id: run
            for build in work.builds.of_change(repository.id, change)
            for run in work.runs.of_build(build.id)
        }
        return sum(end_run(app, work, run, reason, note) for run in runs.values())


def end_waiting_of_branch(app: App, repository: Repository, branch: str) -> int:
    """A deleted branch cancels what waits for it; what runs may end."""
    with app.work() as work:
        runs = {
            run.id: run
            for build in work.builds.of_branch(repository.id, branch)
            for run in work.runs.of_build(build.id)
        }
        waiting = [run for run in runs.values() if run.state is RunState.QUEUED]
        return sum(end_run(app, work, run, Reason.BRANCH_DELETED, f"branch {branch} deleted") for run in waiting)


def end_merge_group(app: App, repository: Repository, sha: Sha, note: str) -> int:
    """The queue has no use for that commit any more."""
    with app.work() as work:
        builds = [one for one in work.builds.at(repository.id, sha) if one.cause is Cause.MERGE_QUEUE]
        runs = {run.id: run for build in builds for run in work.runs.of_build(build.id)}
        return sum(end_run(app, work, run, Reason.CLOSED, note) for run in runs.values())

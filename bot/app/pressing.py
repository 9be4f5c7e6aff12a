"""Buttons beside a check: the forge's re-run, and our own; each with the sender's permission asked anew."""

from datetime import timedelta
from functools import partial
from typing import Final

from bot.app import announcing, steering, trusting
from bot.app.context import App
from bot.app.steering import Wish, is_bad, with_dependants
from bot.domain.errors import Gone, NotAllowed
from bot.domain.events import ActionAsked, RerunAsked
from bot.domain.planning import Sharing
from bot.domain.refs import Person, Repository
from bot.domain.runs import Build, BuildId, Cause, Run, RunId
from bot.ports.forge import Permission
from bot.ports.store import UnitOfWork

_BURST: Final = timedelta(seconds=10)
"""A forge sends an event for each check when all are re-run; within this time they are one request."""


def rerun(app: App, repository: Repository, event: RerunAsked) -> str:
    """One suite anew; the aggregate or all: what is not green, if all is green everything (BEHAVIOUR §1)."""
    build, run = _target(app, repository, event)
    _check(app, repository, build, event.sender)
    if run is not None:
        return _rerun_one(app, repository, build, run, event.sender)
    return _rerun_bad_or_all(app, repository, build, event.sender)


def act(app: App, repository: Repository, event: ActionAsked) -> str:
    build, run = _target(app, repository, event)
    if event.identifier in ("approve", "approve_pr"):
        return _approve(app, repository, build, event)
    _check(app, repository, build, event.sender)
    match event.identifier:
        case "cancel":
            wish = Wish(event.sender, "", Cause.RERUN)
            return f"{steering.cancel(app, partial(_of_check, build, run), repository, wish)} runs cancelled"
        case "rerun_failed" if run is None:
            return _rerun_bad_or_all(app, repository, build, event.sender)
        case "rerun_failed" | "rerun_all" if run is not None:
            return _rerun_one(app, repository, build, run, event.sender)
        case "rerun_all":
            return _rerun_all(app, repository, build, event.sender)
        case _:
            return "an unknown button"


def _target(app: App, repository: Repository, event: RerunAsked | ActionAsked) -> tuple[Build, Run | None]:
    """What the check shows: found by our own id, never by lists of the event, which are empty for forks.

    Raises:
        Gone: not ours, or of another commit or repository.
    """
    with app.work() as work:
        if event.external_id is None:
            builds = work.builds.at(repository.id, event.sha)
            if not builds:
                raise Gone("nothing has run on this commit")
            return builds[0], None
        name, _, number = event.external_id.partition("-")
        is_build = name == "build" and number.isdecimal()
        run = None if is_build else work.runs.get(RunId(event.external_id))
        build = work.builds.get(run.build if run else BuildId(int(number)))
    if (build.repository, build.sha) != (repository.id, event.sha):
        raise Gone("that check is of another commit")
    return build, run


def _check(app: App, repository: Repository, build: Build, sender: Person) -> None:
    """Write access, or the change's author once it may run; nothing on closed changes or heads that have moved on.

    Raises: NotAllowed.
    """
    may_write = app.forge_of(repository).permission(repository, sender) >= Permission.WRITE
    if build.change is None:
        if not may_write:
            raise NotAllowed("only people with write access can run suites again")
        return
    change = steering.change_of(app, repository, build)
    if not change.is_open or change.head != build.sha:
        raise NotAllowed("the change is closed or has a newer head")
    if not may_write:
        with app.work() as work:
            if change.author.id != sender.id or not trusting.is_approved(work, build):
                raise NotAllowed("only people with write access can run suites again")


def _approve(app: App, repository: Repository, build: Build, event: ActionAsked) -> str:
    if app.forge_of(repository).permission(repository, event.sender) < Permission.WRITE:
        raise NotAllowed("only people with write access can approve")
    change = steering.change_of(app, repository, build)
    if change.head != build.sha:
        raise NotAllowed("the change has a newer head")
    approved = steering.approve(
        app,
        repository,
        change,
        event.sender,
        actor=event.sender.login,
        later_commits=event.identifier == "approve_pr",
    )
    return f"build {approved.id} approved"


def _rerun_bad_or_all(app: App, repository: Repository, build: Build, sender: Person) -> str:
    with app.work() as work:
        runs = announcing.runs_at(work, repository.id, build.sha)
        newest = work.builds.at(repository.id, build.sha)[0]
    if newest.cause is Cause.RERUN and app.now() - newest.created_at < _BURST:
        return "part of a request that was granted a moment ago"
    if bad := tuple(run.suite.name for run in runs if is_bad(run)):
        return _again(app, repository, build, sender, Sharing.GOOD, bad, f"rerun-bad:{newest.id}")
    if any(not run.state.is_final for run in runs):
        return "still running"
    return _rerun_all(app, repository, build, sender)


def _of_check(build: Build, run: Run | None, work: UnitOfWork) -> list[Run]:
    """The runs that the pressed check is about."""
    found = work.runs.of_commit(build.repository, build.sha)
    return [one for one in found if run is None or one.suite.name == run.suite.name]


def _rerun_one(app: App, repository: Repository, build: Build, run: Run, sender: Person) -> str:
    with app.work() as work:
        names = with_dependants(announcing.runs_at(work, repository.id, build.sha), (run.suite.name,))
    return _again(app, repository, build, sender, Sharing.NONE, names, f"rerun:{run.id}")


def _rerun_all(app: App, repository: Repository, build: Build, sender: Person) -> str:
    with app.work() as work:
        names = tuple(run.suite.name for run in announcing.runs_at(work, repository.id, build.sha))
        newest = work.builds.at(repository.id, build.sha)[0]
    return _again(app, repository, build, sender, Sharing.NONE, names, f"rerun-all:{newest.id}")


def _again(
    app: App, repository: Repository, build: Build, sender: Person, sharing: Sharing, only: tuple[str, ...], key: str
) -> str:
    wish = Wish(sender, f"{key}:{build.sha}", Cause.RERUN)
    return steering.run_again(app, repository, build, wish, sharing, only).reason

"""Buttons beside a check: the forge's re-run, and our own; each with the sender's permission asked anew."""

import re
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Final

from bot.app import announcing, bisecting, steering, trusting
from bot.app.context import App
from bot.app.steering import Wish, dependants, is_bad
from bot.domain.build_check import counts
from bot.domain.errors import Gone, NotAllowed
from bot.domain.events import ActionAsked, RerunAsked
from bot.domain.planning import Sharing
from bot.domain.refs import Person, Repository
from bot.domain.runs import Build, BuildId, Cause, Run, RunId
from bot.domain.suites import ChecksPer
from bot.ports.forge import Permission
from bot.ports.store import UnitOfWork

_BUILD: Final = re.compile(r"build-([0-9]{1,18})", re.ASCII)
_BURST: Final = timedelta(seconds=10)
"""A forge sends an event for each check when all are re-run; within this time they are one request."""


@dataclass(frozen=True, slots=True)
class _Press:
    """A button that somebody pressed who may."""

    app: App
    repository: Repository
    build: Build
    sender: Person
    may_write: bool

    def runs(self, work: UnitOfWork) -> tuple[Run, ...]:
        return announcing.runs_at(work, self.repository.id, self.build.sha)

    def newest(self, work: UnitOfWork) -> Build:
        return work.builds.at(self.repository.id, self.build.sha)[0]


def rerun(app: App, repository: Repository, event: RerunAsked) -> str:
    """One suite anew; the aggregate or all: what is not green, if all is green everything (BEHAVIOUR §1)."""
    build, run = _target(app, repository, event)
    press = _permitted(app, repository, build, event.sender)
    if run is not None:
        return _rerun_one(press, run)
    return _rerun_bad_or_all(press)


def act(app: App, repository: Repository, event: ActionAsked) -> str:
    build, run = _target(app, repository, event)
    if event.identifier in ("approve", "approve_pr"):
        return _approve(app, repository, build, event)
    press = _permitted(app, repository, build, event.sender)
    match event.identifier:
        case "cancel":
            wish = Wish(event.sender, "", Cause.RERUN)
            return f"{steering.cancel(app, partial(_of_check, build, run), repository, wish)} runs cancelled"
        case "bisect" if run is not None and press.may_write:
            made = bisecting.begin(app, repository, build, run, event.sender)
            return f"search {made.id} among {len(made.commits)} commits"
        case button:
            return _rerun(press, run, button)


def _rerun(press: _Press, run: Run | None, button: str) -> str:
    match button:
        case "rerun_failed" if run is None:
            return _rerun_bad_or_all(press)
        case "rerun_failed" | "rerun_all" | "start" if run is not None:
            return _rerun_one(press, run)
        case "rerun_all":
            return _rerun_all(press)
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
        if named := _BUILD.fullmatch(event.external_id):
            build, run = work.builds.get(BuildId(int(named[1]))), None
        else:
            run = work.runs.get(RunId(event.external_id))
            build = work.builds.get(run.build)
    if (build.repository, build.sha) != (repository.id, event.sha):
        raise Gone("that check is of another commit")
    return build, run


def _permitted(app: App, repository: Repository, build: Build, sender: Person) -> _Press:
    """Write access, or the change's author once it may run; nothing on closed changes or heads that have moved on.

    Raises: NotAllowed.
    """
    may_write = app.forge_of(repository).permission(repository, sender) >= Permission.WRITE
    press = _Press(app, repository, build, sender, may_write)
    if build.change is None:
        if not may_write:
            raise NotAllowed("only people with write access can run suites again")
        return press
    change = steering.change_of(app, repository, build)
    if not change.is_open or change.head != build.sha:
        raise NotAllowed("the change is closed or has a newer head")
    if not may_write:
        with app.work() as work:
            if change.author.id != sender.id or not trusting.is_approved(work, build):
                raise NotAllowed("only people with write access can run suites again")
    return press


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


def _rerun_bad_or_all(press: _Press) -> str:
    with press.app.work() as work:
        runs = press.runs(work)
        newest = press.newest(work)
    # Another process made it, whose clock may be ahead of ours.
    if newest.cause is Cause.RERUN and abs(press.app.now() - newest.created_at) < _BURST:
        return "part of a request that was granted a moment ago"
    if bad := tuple(run.suite.name for run in runs if is_bad(run)):
        return _again(press, Sharing.GOOD, bad, f"rerun-bad:{newest.id}")
    if any(not run.state.is_final for run in runs):
        return "still running"
    return _rerun_all(press)


def _of_check(build: Build, run: Run | None, work: UnitOfWork) -> list[Run]:
    """The runs that the pressed check is about."""
    found = work.runs.of_commit(build.repository, build.sha)
    return [one for one in found if run is None or _shown(build, one) == _shown(build, run)]


def _shown(build: Build, run: Run) -> str:
    """What a check of the build stands for: a suite, or one cell."""
    return run.suite.key if build.pull_requests.checks is ChecksPer.CELL else run.suite.name


def _rerun_one(press: _Press, run: Run) -> str:
    """The forge's button and ours are one wish."""
    if run.suite.is_manual and not press.may_write:
        raise NotAllowed("only people with write access can start this suite")
    with press.app.work() as work:
        names = (_shown(press.build, run), *dependants(press.runs(work), (run.suite.name,)))
    return _again(press, Sharing.NONE, names, f"rerun:{run.id}")


def _rerun_all(press: _Press) -> str:
    """All but what waits for a person, which is started by its name alone."""
    with press.app.work() as work:
        names = tuple(run.suite.name for run in press.runs(work) if counts(run))
        newest = press.newest(work)
    if not names:
        return "no suite has to run here"
    return _again(press, Sharing.NONE, names, f"rerun-all:{newest.id}")


def _again(press: _Press, sharing: Sharing, only: tuple[str, ...], key: str) -> str:
    wish = Wish(press.sender, f"{key}:{press.build.sha}", Cause.RERUN, may_start=press.may_write)
    return steering.run_again(press.app, press.repository, press.build, wish, sharing, only).reason

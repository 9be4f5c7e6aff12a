"""What programs ask for over the API: start, cancel, run again, approve; each with a token's scope (DESIGN §2.12)."""

import hashlib
import json
from dataclasses import dataclass
from typing import Final

from bot.app import (
    access,
    announcing,
    approving,
    bisecting,
    catalog,
    ending,
    queries,
    starting,
    steering,
    suite_files,
    trusting,
)
from bot.app.context import App
from bot.app.queries import Viewer
from bot.app.steering import Wish
from bot.domain.catalog import Chosen
from bot.domain.errors import BotError, Gone, InvalidSuiteFile, NotAllowed, Refused
from bot.domain.plain import PLAIN
from bot.domain.planning import Sharing, Trigger
from bot.domain.refs import ForgeName, Person, Repository, Sha
from bot.domain.runs import Build, BuildId, Cause, Reason, Run, RunId, Trust
from bot.domain.suites import SuiteFile
from bot.domain.tokens import Scope
from bot.ports.forge import Commit
from bot.ports.ledger import Call
from bot.ports.store import UnitOfWork

_REMEMBERED: Final = 86400.0
"""Seconds for which an Idempotency-Key stands for its first call."""


class Conflict(BotError):
    """It can't be done as things stand; the words say why."""

    code = "conflict"


class NotPossible(BotError):
    """What is asked for makes no sense for this repository; the words say why."""

    code = "unprocessable"


@dataclass(frozen=True, slots=True, kw_only=True)
class Order:
    """Suites that shall run."""

    repository: str
    """`owner/name`, `forge:owner/name`, or the address of one without a forge."""
    sha: Sha | None
    """None: where `ref` is now."""
    ref: str
    """Branch or tag; empty: the default branch."""
    suites: tuple[str, ...]
    """Empty: all that are for a push."""
    suite_id: str | None = None
    """A registered one, instead of those of the suite file."""
    environment_id: str | None = None


@dataclass(frozen=True, slots=True)
class Granted:
    build: BuildId
    is_new: bool


def start(app: App, viewer: Viewer, order: Order, once: str | None) -> Granted:
    """Start a build. `once`: the caller's key, under which the same order is granted once a day.

    Raises:
        Unauthorized, Forbidden.
        Gone: no such repository, or not for the viewer. NotPossible: no such commit, suite file or suite.
        Conflict: the key was used for another order; a stranger's commit that nobody approved; the suite file has
            a suite of the registered one's name.
    """
    access.require_somewhere(viewer, Scope.WRITE)
    call = Call(key=_digest([viewer.token, once or app.new_id()]), body=_order_digest(order), trigger=app.new_id())
    if once is not None and (known := _known(app, call)):
        return Granted(known.id, is_new=False)
    repository = _repository(app, viewer, order.repository)
    access.require_at(app, viewer, Scope.WRITE, repository)
    ref = order.ref or repository.default_branch
    commit = _commit(app, repository, order.sha or ref)
    if order.suite_id is not None:
        access.require(viewer, Scope.WRITE)
    chosen, names = _chosen(app, order)
    file = suite_files.at(app, repository, commit.sha)
    _check_suites(file, order.suites) if chosen is None else _check_free(file, names)
    trust = _trust(app, repository, commit.sha, ref)
    if once is not None:
        call = _noted(app, call)
    trigger = Trigger(
        key=_key(call),
        repository=repository,
        sha=commit.sha,
        cause=Cause.API,
        ref=ref,
        title=commit.message.strip().partition("\n")[0][:200],
        message=commit.message,
        sender=_asker(viewer, repository),
        trust=trust,
        approved=trust is Trust.UNTRUSTED,
        sharing=Sharing.NONE,
        only=names,
        chosen=chosen,
        may_start=True,
    )
    return _start(app, viewer, trigger)


def _start(app: App, viewer: Viewer, trigger: Trigger) -> Granted:
    started = starting.start(app, trigger)
    with app.work() as work:
        if started.build is not None:
            _audit(work, viewer, started.build, "start", ", ".join(trigger.only) or "all")
            return Granted(started.build.id, is_new=True)
        if (known := work.builds.by_key(f"{trigger.key}#0")) is not None:
            return Granted(known.id, is_new=False)
    raise NotPossible(f"no suite of the suite file is for a push to {trigger.ref}")


def _known(app: App, call: Call) -> Build | None:
    """What the call led to when it was made before. Raises: Conflict."""
    with app.work() as work:
        first = work.calls.find(call.key, _REMEMBERED)
        if first is None:
            return None
        _check_same(first, call)
        return work.builds.by_key(f"{_key(first)}#0")


def _noted(app: App, call: Call) -> Call:
    """Noted before anything is started, so that a crash in between starts nothing twice. Raises: Conflict."""
    with app.work() as work:
        first = work.calls.note(call, _REMEMBERED)
    _check_same(first, call)
    return first


def _check_same(first: Call, call: Call) -> None:
    if first.body != call.body:
        raise Conflict("this Idempotency-Key was used for another request")


def _key(call: Call) -> str:
    return f"{Cause.API}:{call.trigger}"


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value).encode()).hexdigest()


def _order_digest(order: Order) -> str:
    words = [order.repository, order.sha, order.ref, order.suites]
    return _digest([*words, order.suite_id, order.environment_id] if order.suite_id else words)


def _repository(app: App, viewer: Viewer, name: str) -> Repository:
    """One that is known, else one that its forge shows us. Raises: Gone: also for one that the viewer may not see."""
    if "://" in name:
        return _plain(app, viewer, name)
    forge, _, path = name.rpartition(":")
    names = [ForgeName(forge)] if forge else [*app.forges, PLAIN]
    with app.work() as work:
        there = [one for one in names if _is_set_up(app, one)]
        known = [found for one in there if (found := work.repositories.find(one, path))]
    for repository in known or _seen_by_a_forge(app, names, path):
        if queries.may_read(app, viewer, repository):
            return repository
    raise Gone("there is no such repository")


def _is_set_up(app: App, name: ForgeName) -> bool:
    return name in app.forges or (name == PLAIN and app.plain is not None)


def _plain(app: App, viewer: Viewer, address: str) -> Repository:
    """One without a forge. Raises: Gone, before anything is asked: not for the viewer. NotPossible."""
    if not queries.sees_all(viewer):
        raise Gone("there is no such repository")
    if app.plain is None:
        raise NotPossible("no repositories without a forge are allowed here: ASSAY_PLAIN_REPOSITORIES")
    try:
        seen = app.plain.find(address)
    except Refused as error:
        raise NotPossible(str(error)) from error
    with app.work() as work:
        return work.repositories.update(seen)


def _seen_by_a_forge(app: App, names: list[ForgeName], path: str) -> list[Repository]:
    for name in names:
        if name == PLAIN:
            continue
        try:
            seen = app.forge(name).find(path)
        except (Gone, NotAllowed):
            continue
        with app.work() as work:
            return [work.repositories.update(seen)]
    return []


def _commit(app: App, repository: Repository, ref: str) -> Commit:
    try:
        return app.forge_of(repository).commit(repository, ref)
    except NotAllowed:
        raise
    except Refused as error:
        raise NotPossible(f"{repository.path} has no commit {ref}") from error


def _chosen(app: App, order: Order) -> tuple[Chosen | None, tuple[str, ...]]:
    """What was registered, if that is wanted, and the names of the suites to run. Raises: NotPossible."""
    if order.suite_id is None:
        return None, order.suites
    try:
        chosen = catalog.choose(app, order.suite_id, order.environment_id)
        return chosen, tuple(dict.fromkeys(suite.name for suite in catalog.file_of(app, chosen).suites))
    except Gone as error:
        raise NotPossible(str(error)) from error


def _check_free(file: SuiteFile | InvalidSuiteFile | None, names: tuple[str, ...]) -> None:
    """Both would speak through one check, and a check of that name may be what the forge wants before a merge."""
    there = {suite.name for suite in file.suites} if isinstance(file, SuiteFile) else set()
    if taken := there.intersection(names):
        raise Conflict(f"the suite file of this commit has a suite {', '.join(sorted(taken))} as well")


def _check_suites(file: SuiteFile | InvalidSuiteFile | None, suites: tuple[str, ...]) -> None:
    if file is None:
        raise NotPossible("there is no suite file on this commit")
    if isinstance(file, InvalidSuiteFile):
        raise NotPossible(str(file))
    there = [suite.name for suite in file.suites]
    unknown = [name for name in suites if name not in there]
    if unknown:
        raise NotPossible(f"there is no suite {', '.join(unknown)}; suites here: {', '.join(there)}")


def _trust(app: App, repository: Repository, sha: Sha, ref: str) -> Trust:
    """A stranger's commit stays one, whoever asks for it and by whatever name (RELIABILITY S036).

    Forges show the commits of forks as a repository's own, so one that is new to us has to be of the branch or tag.

    Raises:
        Conflict: nobody approved it, or nothing tells that it is not a stranger's.
    """
    with app.work() as work:
        builds = [one for one in work.builds.at(repository.id, sha) if one.cause is not Cause.API]
        if any(one.trust is Trust.TRUSTED for one in builds):
            return Trust.TRUSTED
        if any(trusting.is_approved(work, one) for one in builds):
            return Trust.UNTRUSTED
    if builds:
        raise Conflict("this commit of a stranger's change waits for an approval")
    if not app.forge_of(repository).holds(repository, ref, sha):
        raise Conflict(f"commit {sha} is not known to be of the branch or tag {ref}; name one that has it as ref")
    return Trust.TRUSTED


def cancel_run(app: App, viewer: Viewer, run_id: RunId) -> None:
    """End it if it has not ended. Raises: Unauthorized, Forbidden, Gone."""
    access.require_somewhere(viewer, Scope.WRITE)
    view = queries.run(app, viewer, run_id)
    access.require_at(app, viewer, Scope.WRITE, view.repository)
    _cancel(app, viewer, view.build, [view.run])


def cancel_build(app: App, viewer: Viewer, number: BuildId) -> None:
    """End what has not ended of it. Raises: Unauthorized, Forbidden, Gone."""
    access.require_somewhere(viewer, Scope.WRITE)
    view = queries.build(app, viewer, number)
    access.require_at(app, viewer, Scope.WRITE, view.repository)
    _cancel(app, viewer, view.build, list(view.runs))


def _cancel(app: App, viewer: Viewer, build: Build, runs: list[Run]) -> None:
    with app.work() as work:
        ended = [run.suite.name for run in runs if ending.end_run(app, work, run, Reason.USER, viewer.actor)]
        if ended:
            _audit(work, viewer, build, "cancel", ", ".join(ended))


def retest(app: App, viewer: Viewer, run_id: RunId) -> Granted:
    """Run that run's suite anew, once for each run, and what has waited for it.

    Raises:
        Unauthorized, Forbidden, Gone.
        Conflict: nothing may run there now; the words say why.
    """
    access.require_somewhere(viewer, Scope.WRITE)
    view = queries.run(app, viewer, run_id)
    access.require_at(app, viewer, Scope.WRITE, view.repository)
    build, suite = view.build, view.run.suite.name
    # The same key as the forge's button: pressed here and there it is still one wish.
    wish = Wish(_asker(viewer, view.repository), f"rerun:{run_id}:{build.sha}", Cause.RERUN, may_start=True)
    try:
        if build.change is not None:
            change = steering.change_of(app, view.repository, build)
            if not change.is_open or change.head != build.sha:
                what = app.dialect_of(view.repository).change
                raise Conflict(f"{what} {build.change} is closed or has a newer head")
        with app.work() as work:
            names = (suite, *steering.dependants(announcing.runs_at(work, build.repository, build.sha), (suite,)))
        started = steering.run_again(app, view.repository, build, wish, Sharing.NONE, names)
    except NotAllowed as error:
        raise Conflict(str(error)) from error
    if started.build is not None:
        return Granted(started.build.id, is_new=True)
    with app.work() as work:
        for one in work.builds.at(build.repository, build.sha):
            if one.key.rpartition("#")[0] == wish.key:
                return Granted(one.id, is_new=False)
    raise Conflict(f"there is nothing to run again: {started.reason}")


def bisect(app: App, viewer: Viewer, run_id: RunId) -> Granted:
    """Look for the commit that broke the run's suite; the build tells of it.

    Raises:
        Unauthorized, Forbidden, Gone.
        Conflict: there is nothing to look for; the words say why.
    """
    access.require_somewhere(viewer, Scope.WRITE)
    view = queries.run(app, viewer, run_id)
    access.require_at(app, viewer, Scope.WRITE, view.repository)
    with app.work() as work:
        is_new = work.bisections.of_run(run_id) is None
    try:
        bisecting.begin(app, view.repository, view.build, view.run, viewer.person or Person(0, viewer.actor))
    except NotAllowed as error:
        raise Conflict(str(error)) from error
    return Granted(view.build.id, is_new=is_new)


def approve(app: App, viewer: Viewer, number: BuildId, sha: Sha) -> None:
    """Let the build run that waits, if `sha` is its commit: what was looked at is what is approved.

    Raises:
        Unauthorized, Forbidden, Gone.
        Conflict: another commit, nothing waits, or the change has moved on.
    """
    access.require_somewhere(viewer, Scope.APPROVE)
    view = queries.build(app, viewer, number)
    access.require_at(app, viewer, Scope.APPROVE, view.repository)
    build = view.build
    if build.sha != sha:
        raise Conflict(f"build {number} is of commit {build.sha}")
    try:
        approving.approve(app, number, actor=viewer.actor)
    except NotAllowed as error:
        raise Conflict(str(error)) from error


def _asker(viewer: Viewer, repository: Repository) -> Person:
    """A person's number means somebody else at another forge."""
    person = viewer.person if viewer.forge == repository.forge else None
    return person or Person(0, viewer.actor)


def _audit(work: UnitOfWork, viewer: Viewer, build: Build, action: str, detail: str) -> None:
    work.audit.add(
        repository=build.repository, actor=viewer.actor, action=action, subject=f"build:{build.id}", detail=detail
    )

"""The orders of one comment as one plan: cancel first, then approvals and marks, then what is to run."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from bot.app import announcing, bisecting, choosing, commenting, ending, steering, suite_files, trusting
from bot.app.context import App
from bot.app.starting import Started
from bot.app.steering import Wish
from bot.domain.checks import search_name
from bot.domain.commands import (
    Bisect,
    Cancel,
    Command,
    Misunderstood,
    OkToTest,
    Override,
    Retest,
    RunAnew,
    Scope,
    Skip,
    Start,
)
from bot.domain.dialect import Dialect
from bot.domain.errors import BadInput, BotError, InvalidSuiteFile, NotAllowed
from bot.domain.planning import Sharing
from bot.domain.refs import Person, Repository
from bot.domain.runs import Build, Cause, Reason, Run
from bot.domain.suites import SuiteFile
from bot.domain.texts import code
from bot.ports.forge import Change, Permission
from bot.ports.store import UnitOfWork


class Unclear(BotError):
    """The order can't be carried out as it was said; the words are the answer."""


@dataclass(frozen=True, slots=True)
class Speaker:
    person: Person
    permission: Permission
    is_author: bool


@dataclass(frozen=True, slots=True)
class Context:
    """One comment on one change."""

    app: App
    repository: Repository
    change: Change
    speaker: Speaker
    comment: int
    said_at: datetime | None

    @property
    def dialect(self) -> Dialect:
        return self.app.dialect_of(self.repository)

    def wish(self, what: str) -> Wish:
        key = f"comment:{self.repository.id}:{self.comment}:{what}"
        may_start = self.speaker.permission >= Permission.WRITE
        return Wish(self.speaker.person, key, Cause.COMMENT, may_start=may_start)


def obey(context: Context, orders: Sequence[Command]) -> str:
    """Carry the orders out; gives the words of an answer where there is news, else nothing.

    Raises:
        NotAllowed: somebody who may not. Unclear: see there. Nothing of the comment was done then.
    """
    for order in orders:
        if isinstance(order, Misunderstood):
            raise Unclear(order.told(context.dialect))
    _check_rights(context, orders)
    words = [_cancel(context, order) for order in orders if isinstance(order, Cancel)]
    words += [_ok_to_test(context, order) for order in orders if isinstance(order, OkToTest)]
    rest = [order for order in orders if isinstance(order, Skip | Override | Retest | RunAnew | Start)]
    if rest:
        words += _run(context, rest)
    words += [_bisect(context, order) for order in orders if isinstance(order, Bisect)]
    return "\n\n".join(filter(None, words))


def _check_rights(context: Context, orders: Sequence[Command]) -> None:
    """Who may what (BEHAVIOUR §2). Raises: NotAllowed."""
    permission, path = context.speaker.permission, context.repository.path
    for order in orders:
        if isinstance(order, Override) and permission < Permission.ADMIN:
            raise NotAllowed(f"only people with admin rights on {path} can override a suite")
        if permission < Permission.WRITE and not _may_without_write(context, order):
            raise NotAllowed(f"only people with write access to {path} can do that; ask a maintainer")


def _may_without_write(context: Context, order: Command) -> bool:
    """The author may cancel, and run suites once the change may run; who started something may cancel it."""
    if isinstance(order, Cancel):
        return context.speaker.is_author or _has_started_something(context)
    if not context.speaker.is_author or not isinstance(order, Retest | RunAnew):
        return False
    origin = steering.origin_of(context.app, context.repository, context.change)
    with context.app.work() as work:
        return trusting.is_approved(work, origin)


def _has_started_something(context: Context) -> bool:
    """Of the change, on this head."""
    change, person = context.change, context.speaker.person
    with context.app.work() as work:
        builds = work.builds.at(context.repository.id, change.head)
    return any(ending.is_started_by(one, person) and one.change == change.number for one in builds)


def _cancel(context: Context, order: Cancel) -> str:
    """Who may write ends what there is on the head, the author what is the change's own, others what they started."""
    suites = _named(context, order.suites) if order.suites else None
    change, repository = context.change, context.repository
    is_own = change.head_repository == repository.forge_id

    def runs(work: UnitOfWork) -> list[Run]:
        if context.speaker.permission >= Permission.WRITE:
            found = work.runs.of_commit(repository.id, change.head)
        elif not context.speaker.is_author:
            found = ending.unfinished_of_starter(work, repository.id, change.head, context.speaker.person)
        else:
            own_branch = change.head_ref if is_own else ""
            found = ending.unfinished_of_change(work, repository.id, change.number, own_branch)
        return [run for run in found if suites is None or run.suite.name in suites]

    steering.cancel(context.app, runs, repository, context.wish("cancel"))
    return ""


def _ok_to_test(context: Context, order: OkToTest) -> str:
    head, login = context.change.head, context.speaker.person.login
    if order.scope is Scope.STOP:
        steering.take_back(context.app, context.repository, context.change.number, login)
        return ""
    if order.sha and order.sha != head:
        raise Unclear(
            f"{code(order.sha[:64])} is not the head of this {context.dialect.change}; its head is {code(head)}"
        )
    try:
        steering.approve(
            context.app,
            context.repository,
            context.change,
            context.speaker.person,
            actor=login,
            said_at=context.said_at,
            later_commits=order.scope is Scope.CHANGE,
        )
    except NotAllowed as error:
        if not _was_approved_before(context, order):
            raise Unclear(str(error)) from error
    return ""


def _was_approved_before(context: Context, order: OkToTest) -> bool:
    """By the same person: the delivery came again; or by anybody, and now the later commits are meant as well."""
    app, repository, change, person = context.app, context.repository, context.change, context.speaker.person
    if order.scope is Scope.CHANGE:
        return steering.approve_later_commits(app, repository, change, person)
    with app.work() as work:
        given = work.approvals.of_commit(repository.id, change.number, change.head)
    return person.id in (one.person_id for one in given)


def _bisect(context: Context, order: Bisect) -> str:
    """Of what the newest push to the target branch came to; each suite once, by its first cell that failed.

    The answer is a comment of its own, edited when the search has ended.
    """
    app, repository, branch = context.app, context.repository, context.change.base_ref
    with app.work() as work:
        build = work.builds.newest_push(repository.id, branch)
        runs = work.runs.of_build(build.id) if build else ()
    failed: dict[str, Run] = {}
    for run in runs:
        if build and bisecting.may_be_asked(build, run) and order.suite in ("", run.suite.name, run.suite.key):
            failed.setdefault(run.suite.name, run)
    if build is None or not failed:
        what = f"{code(order.suite)} has not" if order.suite else "nothing has"
        raise Unclear(f"{what} failed with the newest push to {code(branch)}")
    try:
        found = [bisecting.begin(app, repository, build, run, context.speaker.person) for run in failed.values()]
    except NotAllowed as error:
        raise Unclear(str(error)) from error
    with app.work() as work:
        if all(one.finished_at for one in found) and commenting.knows_search(work, build, context.change.number):
            return f"That was looked for before, and the answer stands here already: {app.build_url(found[0].build)}"
        announcing.own(work, build, search_name(context.change.number))
    return ""


def _run(context: Context, orders: Sequence[Skip | Override | Retest | RunAnew | Start]) -> list[str]:
    file = _suite_file(context)
    wants = _wants(context, file, orders)
    origin = steering.origin_of(context.app, context.repository, context.change)
    for order in orders:
        if isinstance(order, Skip | Override):
            _mark(context, file, origin, order)
    retests = [order for order in orders if isinstance(order, Retest)]
    tests_alone = bool(retests) and all(order.failed_tests for order in retests)
    return [_again(context, origin, *want, failed_tests=tests_alone) for want in wants]


def _wants(
    context: Context, file: SuiteFile, orders: Sequence[Command]
) -> list[tuple[Sharing, tuple[str, ...], str]]:
    """What is to run anew, and what again if it is not green: each with `Trigger.only` and a word for it.

    Raises:
        Unclear: names that are not there, those of all orders.
        NotAllowed: a suite that only people with write access start.
    """
    anew = [order for order in orders if isinstance(order, RunAnew | Start)]
    again = [order for order in orders if isinstance(order, Retest)]
    faults: list[str] = []
    named = {"test": _names(file, anew, faults), "retest": _names(file, again, faults)}
    if faults:
        raise Unclear(" ".join(dict.fromkeys(faults)))
    by_hand = _started_by_hand(context, file, {name for names in named.values() for name in names})
    wants: list[tuple[Sharing, tuple[str, ...], str]] = []
    for what, sharing, asked in (("test", Sharing.NONE, anew), ("retest", Sharing.GOOD, again)):
        names = named[what]
        if any(isinstance(order, RunAnew | Retest) and not order.suites for order in asked):
            wants.append((sharing, (), what))
            names = tuple(name for name in names if name in by_hand)
        if names:
            wants.append((sharing, (*names, *_waiting_for(context, by_hand)), f"{what}-named" if wants else what))
    return wants


def _names(file: SuiteFile, orders: Sequence[RunAnew | Start | Retest], faults: list[str]) -> tuple[str, ...]:
    """All that the orders name; what is not there goes to the faults."""
    found: dict[str, None] = {}
    for order in orders:
        suites = (order.suite,) if isinstance(order, Start) else order.suites
        try:
            found |= dict.fromkeys(resolve(file, suites, order.axes if isinstance(order, RunAnew) else ()))
        except Unclear as error:
            faults.append(str(error))
    return tuple(found)


def _started_by_hand(context: Context, file: SuiteFile, named: Collection[str]) -> tuple[str, ...]:
    """Those of the named suites and cells that wait for a person. Raises: NotAllowed: without write access."""
    found = tuple(
        name for suite in file.suites if suite.is_manual for name in (suite.name, suite.key) if name in named
    )
    if found and context.speaker.permission < Permission.WRITE:
        raise NotAllowed(f"only people with write access to {context.repository.path} can start {code(found[0])}")
    return tuple(dict.fromkeys(found))


def _waiting_for(context: Context, by_hand: Sequence[str]) -> tuple[str, ...]:
    """Suites that are held up by these alone."""
    with context.app.work() as work:
        runs = announcing.runs_at(work, context.repository.id, context.change.head)
    names = {run.suite.name for run in runs if run.suite.name in by_hand or run.suite.key in by_hand}
    return steering.dependants(runs, names)


def _again(
    context: Context, origin: Build, sharing: Sharing, only: tuple[str, ...], what: str, *, failed_tests: bool
) -> str:
    wish = replace(context.wish(what), failed_tests=failed_tests)
    with context.app.work() as work:
        if work.builds.by_key(f"{wish.key}#0"):
            return ""
    started = steering.run_again(context.app, context.repository, origin, wish, sharing, only)
    return "" if started.build else _nothing_to_do(context, started)


def _nothing_to_do(context: Context, started: Started) -> str:
    head, say = code(context.change.head[:7]), context.dialect.command
    running = [run for run in started.kept if not run.state.is_final]
    if running:
        names = ", ".join(code(run.suite.name) for run in running)
        return f"Nothing to run again: {names} of {head} will be judged when it ends. {say('cancel')} stops it."
    if started.kept:
        count = len(started.kept)
        checks = "its check" if count == 1 else f"all {count} checks"
        return f"Nothing to run again: {checks} of {head} passed. {say('test')} runs everything anyway."
    return f"Nothing to run on {head}: {started.reason}."


def _mark(context: Context, file: SuiteFile, origin: Build, order: Skip | Override) -> None:
    names = resolve(file, [order.suite])
    suites = [one for one in file.suites if one.name in names]
    login = context.speaker.person.login
    if isinstance(order, Override):
        wish, note = context.wish(f"override-{order.suite}"), f"{login}: {order.reason}"
        steering.mark(context.app, origin, suites, wish, Reason.OVERRIDE, note)
        return
    if required := [one.name for one in suites if not one.allow_failure]:
        raise Unclear(
            f"{code(required[0])} has to pass, so it can't be skipped; "
            f"somebody with admin rights can {context.dialect.command('override')} it"
        )
    steering.mark(
        context.app, origin, suites, context.wish(f"skip-{order.suite}"), Reason.COMMAND_SKIP, f"skipped by {login}"
    )


def _suite_file(context: Context) -> SuiteFile:
    file = suite_files.at(context.app, context.repository, context.change.head)
    if file is None:
        raise Unclear("there is no suite file on this commit")
    if isinstance(file, InvalidSuiteFile):
        count = len(file.problems)
        raise Unclear(f"{code(file.path)} has {count} error{'s' if count > 1 else ''}; see the check `assay`")
    return file


def _named(context: Context, names: Sequence[str]) -> tuple[str, ...]:
    return resolve(_suite_file(context), names)


def resolve(file: SuiteFile, names: Sequence[str], axes: Sequence[tuple[str, str]] = ()) -> tuple[str, ...]:
    """Suites by their exact names or by globs, or the keys of their cells with these values; in the file's order.

    Raises:
        Unclear: names that fit none, each with the nearest one.
    """
    if not names:
        return ()
    wanted = {axis: [value for other, value in axes if other == axis] for axis, _ in axes}
    try:
        found = choosing.cells(file.suites, names, wanted, code)
    except BadInput as error:
        raise Unclear(str(error)) from error
    return tuple(dict.fromkeys(one.key if axes else one.name for one in found))

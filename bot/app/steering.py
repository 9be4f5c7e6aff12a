"""What people may do with a commit's runs, however they say it: comment, button, command line, API."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import KW_ONLY, dataclass, replace
from datetime import datetime
from typing import Final

from bot.app import announcing, ending, starting, trusting
from bot.app.context import App
from bot.app.starting import Started
from bot.domain.errors import Gone, NotAllowed
from bot.domain.planning import Sharing, Trigger
from bot.domain.refs import Person, Repository, RepositoryId
from bot.domain.runs import Build, BuildId, Cause, Reason, Run, RunState, Trust
from bot.domain.suite_check import has_passed
from bot.domain.suites import Suite
from bot.ports.forge import Change
from bot.ports.store import UnitOfWork

_BAD: Final = frozenset(
    {
        RunState.FAILED,
        RunState.ERRORED,
        RunState.TIMED_OUT,
        RunState.CANCELLED,
        RunState.SUPERSEDED,
        RunState.REJECTED,
    }
)


def is_bad(run: Run) -> bool:
    """What `/retest` runs again; what was skipped because its needs did not pass is no better than they are."""
    return run.state in _BAD or run.reason is Reason.NEEDS_FAILED


def dependants(runs: Iterable[Run], names: Iterable[str]) -> tuple[str, ...]:
    """Suites that have not run only because one of the named had not passed, or nobody had started it."""
    runs, named = tuple(runs), set(names)
    unready = {run.suite.name for run in runs if run.is_unstarted or not has_passed(run)}
    passed = {run.suite.name for run in runs} - unready
    waiting = [run for run in runs if _waits_for_needs(run)]
    found: set[str] = set()
    while more := {run.suite.name for run in waiting if set(run.suite.needs) <= found | named | passed} - found:
        found |= more
    return tuple(dict.fromkeys(run.suite.name for run in runs if run.suite.name in found - named))


def _waits_for_needs(run: Run) -> bool:
    return run.reason is Reason.NEEDS_FAILED or (run.is_unstarted and not run.suite.is_manual)


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants something, how it was said, and a key so that it is granted once."""

    person: Person
    key: str
    cause: Cause
    _: KW_ONLY
    failed_tests: bool = False
    """Just the failed tests of what runs again, where the suite says how."""
    may_start: bool = False
    """Write access: suites that wait for a person may be started."""


def origin_of(app: App, repository: Repository, change: Change) -> Build:
    """The build that says what the change's head is about; a made-up one (id 0) if there is none yet."""
    with app.work() as work:
        builds = [one for one in work.builds.at(repository.id, change.head) if one.change == change.number]
    if builds:
        return builds[0]
    return Build(
        id=BuildId(0),
        key="",
        repository=repository.id,
        sha=change.head,
        cause=Cause.CHANGE,
        ref=change.head_ref,
        base_ref=change.base_ref,
        base_sha=change.base_sha,
        change=change.number,
        title=change.title,
        sender_id=change.author.id,
        sender=change.author.login,
        author_id=change.author.id,
        trust=trusting.trust_of(app, repository, change, change.author, vouches=False),
        created_at=app.now(),
    )


def run_again(
    app: App, repository: Repository, origin: Build, wish: Wish, sharing: Sharing, only: tuple[str, ...] = ()
) -> Started:
    """Run suites of the origin's commit again, through the one door.

    Raises:
        NotAllowed: a stranger's commit that nobody approved.
    """
    with app.work() as work:
        if not trusting.is_approved(work, origin):
            say = app.dialect_of(repository).command("ok-to-test")
            raise NotAllowed(f"this commit waits for an approval; look at the change, then say {say}")
    started = starting.start(app, trigger_of(repository, origin, wish, sharing, only))
    if started.build is not None:
        _audit(app, started.build, wish, "rerun", ", ".join(only) or sharing.value)
    return started


def trigger_of(
    repository: Repository,
    origin: Build,
    wish: Wish,
    sharing: Sharing,
    only: tuple[str, ...] = (),
    *,
    approved: bool = True,
) -> Trigger:
    """The wish as a trigger at the origin's commit, with the trust that was found there."""
    return Trigger(
        key=wish.key,
        repository=repository,
        sha=origin.sha,
        cause=wish.cause,
        ref=origin.ref,
        base_ref=origin.base_ref,
        base_sha=origin.base_sha,
        change=origin.change,
        title=origin.title,
        author=origin.author_id,
        sender=wish.person,
        trust=origin.trust,
        approved=approved,
        head_at=origin.head_at,
        sharing=sharing,
        only=only,
        failed_tests=wish.failed_tests,
        may_start=wish.may_start,
        chosen=origin.chosen,
    )


def cancel(app: App, runs: Callable[[UnitOfWork], Iterable[Run]], repository: Repository, wish: Wish) -> int:
    """End those that are unfinished; how many. Idempotent."""
    with app.work() as work:
        ended = [run for run in runs(work) if ending.end_run(app, work, run, Reason.USER, wish.person.login)]
        if ended:
            work.audit.add(
                repository=repository.id,
                actor=wish.person.login,
                action="cancel",
                subject=f"commit:{ended[0].sha}",
                detail=", ".join(run.suite.key for run in ended),
            )
    return len(ended)


def approve(
    app: App,
    repository: Repository,
    change: Change,
    person: Person | None,
    *,
    actor: str,
    said_at: datetime | None = None,
    later_commits: bool = False,
) -> Build:
    """Let the change's present head run; that commit and no other, unless `later_commits`.

    `person` is None for the operator. `said_at`: when it was said, by the forge's clock.

    Raises:
        NotAllowed: closed, nothing waits, or the head was pushed after it was said (RELIABILITY S034, S035, S041).
    """
    if not change.is_open:
        raise NotAllowed(f"{app.dialect_of(repository).change} {change.number} is closed")
    with app.work() as work:
        build = _build_to_approve(work, repository.id, change)
        if build is None:
            raise NotAllowed(f"nothing waits for an approval on {change.head[:7]}")
        # A head that nobody told of, but that we found, is there since then at the latest.
        if said_at is not None and said_at <= (build.head_at or build.created_at):
            raise NotAllowed(f"{change.head[:7]} was pushed after or as you wrote; look at it and approve it anew")
        work.approvals.add(build.id, build.sha, person, actor)
        if later_commits and person is not None:
            work.approvals.stand(repository.id, change.number, person)
        let = starting.let_run(app, work, build)
        action = "approve change" if later_commits else "approve"
        work.audit.add(
            repository=repository.id, actor=actor, action=action, subject=f"build:{build.id}", detail=build.sha
        )
    if not let:
        wish = Wish(person or Person(0, actor), _approval_key(build), Cause.COMMENT)
        run_again(app, repository, build, wish, Sharing.GOOD)
    return build


def _build_to_approve(work: UnitOfWork, repository: RepositoryId, change: Change) -> Build | None:
    """The stranger's build of the head that waits, or whose runs were cancelled before anybody approved it."""
    for build in work.builds.at(repository, change.head):
        is_this = (build.change, build.base_ref) == (change.number, change.base_ref)
        if is_this and build.trust is Trust.UNTRUSTED:
            runs = work.runs.of_build(build.id)
            waits = any(run.state is RunState.AWAITING_APPROVAL for run in runs)
            could_run = any(run.state in _BAD or run.is_unstarted for run in runs)
            if waits or (could_run and not (trusting.is_approved(work, build) and _has_followed(work, build, runs))):
                return build
    return None


def _has_followed(work: UnitOfWork, build: Build, runs: Iterable[Run]) -> bool:
    """Of what was cancelled before its approval: was it run again after it; the forge may have been away."""
    was_cancelled = any(run.state is RunState.REJECTED for run in runs)
    return not was_cancelled or work.builds.by_key(f"{_approval_key(build)}#0") is not None


def _approval_key(build: Build) -> str:
    return f"approve:{build.id}"


def approve_later_commits(app: App, repository: Repository, change: Change, person: Person) -> bool:
    """Of a stranger's change whose head was let in before; False where it was not, and then nothing is approved."""
    with app.work() as work:
        theirs = [
            one
            for one in work.builds.at(repository.id, change.head)
            if one.change == change.number and one.trust is Trust.UNTRUSTED
        ]
        if not any(trusting.is_approved(work, one) for one in theirs):
            return False
        work.approvals.stand(repository.id, change.number, person)
        work.audit.add(
            repository=repository.id,
            actor=person.login,
            action="approve change",
            subject=f"change:{change.number}",
            detail=change.head,
        )
    return True


def take_back(app: App, repository: Repository, change: int, actor: str) -> None:
    """Later commits wait again."""
    with app.work() as work:
        work.approvals.end_standing(repository.id, change)
        work.audit.add(
            repository=repository.id, actor=actor, action="stop approval", subject=f"change:{change}", detail=""
        )


def mark(app: App, origin: Build, suites: Sequence[Suite], wish: Wish, reason: Reason, note: str) -> Build | None:
    """Let suites count as skipped or passed on this commit without running; None when that was done before.

    `suites`: each cell. `reason`: COMMAND_SKIP or OVERRIDE.
    """
    state = RunState.PASSED if reason is Reason.OVERRIDE else RunState.SKIPPED
    person = wish.person
    with app.work() as work:
        work.builds.hold(origin.repository, origin.sha)
        old = {run.suite.key: run for run in work.runs.of_commit(origin.repository, origin.sha)}
        made = replace(origin, key=f"{wish.key}#0", cause=wish.cause, sender=person.login, sender_id=person.id)
        build = work.builds.add(replace(made, problems=(), created_at=app.now()))
        if build is None:
            return None
        for suite in suites:
            announcing.run_made(work, build, starting.add_run(app, work, build, suite, state, reason, note))
            if (before := old.get(suite.key)) is not None:
                ending.end_run(app, work, before, Reason.SUPERSEDED, note)
        announcing.look_at_needs(work, build.repository, build.sha)
        announcing.build_made(work, build)
    _audit(app, build, wish, reason.value, f"{', '.join(suite.key for suite in suites)}: {note}")
    return build


def _audit(app: App, build: Build, wish: Wish, action: str, detail: str) -> None:
    with app.work() as work:
        work.audit.add(
            repository=build.repository,
            actor=wish.person.login,
            action=action,
            subject=f"build:{build.id}",
            detail=detail,
        )


def repository_of(app: App, build: Build) -> Repository:
    with app.work() as work:
        return work.repositories.get(build.repository)


def change_of(app: App, repository: Repository, build: Build) -> Change:
    """Raises: Gone for a build that is not of a change."""
    if build.change is None:
        raise Gone(f"build {build.id} is not of a {app.dialect_of(repository).change}")
    return app.forge_of(repository).change(repository, build.change)

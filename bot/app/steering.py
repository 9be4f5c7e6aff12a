"""What people may do with a commit's runs, however they say it: comment, button, command line, API."""

from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from bot.app import announcing, ending, starting, trusting
from bot.app.context import App
from bot.app.starting import Started
from bot.domain.errors import Gone, NotAllowed
from bot.domain.planning import Sharing, Trigger
from bot.domain.refs import Person, Repository, RepositoryId, Sha
from bot.domain.runs import Build, BuildId, Cause, Reason, RunState
from bot.domain.suites import Suite
from bot.ports.forge import Change
from bot.ports.store import UnitOfWork

BAD: Final = frozenset(
    {
        RunState.FAILED,
        RunState.ERRORED,
        RunState.TIMED_OUT,
        RunState.CANCELLED,
        RunState.SUPERSEDED,
        RunState.REJECTED,
    }
)
"""What `/retest` runs again."""


@dataclass(frozen=True, slots=True)
class Wish:
    """Who wants something, how it was said, and a key so that it is granted once."""

    person: Person
    key: str
    cause: Cause


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
        trust=trusting.trust_of(app, repository, change, change.author),
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
            raise NotAllowed("this commit waits for an approval; look at the change, then say `/ok-to-test`")
    started = starting.start(
        app,
        Trigger(
            key=wish.key,
            repository=repository,
            sha=origin.sha,
            cause=wish.cause,
            ref=origin.ref,
            base_ref=origin.base_ref,
            base_sha=origin.base_sha,
            change=origin.change,
            title=origin.title,
            sender=wish.person,
            trust=origin.trust,
            approved=True,
            head_at=origin.head_at,
            sharing=sharing,
            only=only,
        ),
    )
    if started.build is not None:
        _audit(app, started.build, wish, "rerun", ", ".join(only) or sharing.value)
    return started


def cancel(app: App, repository: Repository, sha: Sha, suites: tuple[str, ...], wish: Wish) -> int:
    """End what is unfinished on the commit; how many runs. Idempotent."""
    with app.work() as work:
        runs = [run for run in announcing.runs_at(work, repository.id, sha) if not suites or run.suite.name in suites]
        ended = sum(ending.end_run(app, work, run, Reason.USER, wish.person.login) for run in runs)
        if ended:
            work.audit.add(
                repository=repository.id,
                actor=wish.person.login,
                action="cancel",
                subject=f"commit:{sha}",
                detail=", ".join(suites) or "all",
            )
    return ended


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
        raise NotAllowed(f"pull request {change.number} is closed")
    with app.work() as work:
        build = _waiting_build(work, repository.id, change)
        if build is None:
            raise NotAllowed(f"nothing waits for an approval on {change.head[:7]}")
        if said_at is not None and build.head_at is not None and said_at <= build.head_at:
            raise NotAllowed(f"{change.head[:7]} was pushed after or as you wrote; look at it and approve it anew")
        work.approvals.add(build.id, build.sha, person, actor)
        if later_commits and person is not None:
            work.approvals.stand(repository.id, change.number, person)
        starting.let_run(app, work, build)
        action = "approve change" if later_commits else "approve"
        work.audit.add(
            repository=repository.id, actor=actor, action=action, subject=f"build:{build.id}", detail=build.sha
        )
    return build


def _waiting_build(work: UnitOfWork, repository: RepositoryId, change: Change) -> Build | None:
    for build in work.builds.at(repository, change.head):
        is_this = (build.change, build.base_ref) == (change.number, change.base_ref)
        if is_this and any(run.state is RunState.AWAITING_APPROVAL for run in work.runs.of_build(build.id)):
            return build
    return None


def take_back(app: App, repository: Repository, change: int, actor: str) -> None:
    """Later commits wait again."""
    with app.work() as work:
        work.approvals.end_standing(repository.id, change)
        work.audit.add(
            repository=repository.id, actor=actor, action="stop approval", subject=f"change:{change}", detail=""
        )


def mark(app: App, origin: Build, suite: Suite, wish: Wish, reason: Reason, note: str) -> Build | None:
    """Let a suite count as skipped or passed on this commit without running it; None when that was done before.

    `reason`: COMMAND_SKIP or OVERRIDE.
    """
    state = RunState.PASSED if reason is Reason.OVERRIDE else RunState.SKIPPED
    with app.work() as work:
        old = work.runs.latest_at(origin.repository, origin.sha, suite.key)
        build = work.builds.add(
            replace(
                origin,
                key=f"{wish.key}#0",
                cause=wish.cause,
                sender=wish.person.login,
                sender_id=wish.person.id,
                problems=(),
                created_at=app.now(),
            )
        )
        if build is None:
            return None
        announcing.run_made(work, build, starting.add_run(app, work, build, suite, state, reason, note))
        announcing.build_made(work, build)
        if old is not None:
            ending.end_run(app, work, old, Reason.SUPERSEDED, note)
    _audit(app, build, wish, reason.value, f"{suite.name}: {note}")
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
        raise Gone(f"build {build.id} is not of a pull request")
    return app.forge_of(repository).change(repository, build.change)

"""What people and machines may see, read in one place so that one rule decides who may see it."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.app.context import App
from bot.domain.build_check import verdict
from bot.domain.checks import PASSING
from bot.domain.errors import Gone
from bot.domain.refs import Repository, RepositoryId
from bot.domain.runs import Build, BuildId, Run, RunId, RunState
from bot.domain.suite_check import conclusion
from bot.domain.tokens import Scope
from bot.ports.artifacts import Artifact
from bot.ports.ledger import Approval, AuditEntry
from bot.ports.store import RunEvent, UnitOfWork

_LOG_GRACE: Final = timedelta(seconds=10)
"""A finished run's log that nobody closed is complete after this time."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever looks: anybody, or a program with a token (`bot.app.access` says which)."""

    token: str = ""
    """The token's id."""
    name: str = ""
    scopes: frozenset[Scope] = frozenset()

    def may(self, scope: Scope) -> bool:
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def actor(self) -> str:
        """What the audit and the texts call it; no login has a colon."""
        return f"token:{self.name}"


ANYBODY: Final = Viewer()


def may_read(viewer: Viewer, repository: Repository) -> bool:
    """Pages, API, logs, streams and lists all ask here; what may not be read is as if it were not there."""
    return not repository.private or _sees_all(viewer)


def _sees_all(viewer: Viewer) -> bool:
    """Tokens are the operator's, so they aren't asked for each repository."""
    return viewer.may(Scope.READ)


@dataclass(frozen=True, slots=True, kw_only=True)
class BuildView:
    build: Build
    repository: Repository
    runs: Sequence[Run]
    trouble: str = ""
    """Why the forge does not show what it should."""
    approvals: Sequence[Approval] = ()
    successor: BuildId | None = None
    """The build that took its place."""
    lacking: Sequence[str] = ()
    """What people do without on this forge."""

    @property
    def word(self) -> str:
        return verdict(self.build, self.runs)

    @property
    def is_final(self) -> bool:
        return all(run.state.is_final for run in self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    run: Run
    build: Build
    repository: Repository
    events: Sequence[RunEvent] = ()
    artifacts: Sequence[Artifact] = ()


@dataclass(frozen=True, slots=True)
class AuditView:
    entry: AuditEntry
    repository: Repository | None

    @property
    def build(self) -> str:
        """The number of the build that it was about, or nothing."""
        return self._subject("build")

    @property
    def commit(self) -> str:
        return self._subject("commit")

    @property
    def change(self) -> str:
        return self._subject("change")

    def _subject(self, wanted: str) -> str:
        kind, _, rest = self.entry.subject.partition(":")
        return rest if kind == wanted else ""


@dataclass(frozen=True, slots=True)
class LogPiece:
    view: RunView
    data: bytes
    complete: bool
    """Nothing will follow."""


def build(app: App, viewer: Viewer, number: BuildId) -> BuildView:
    """Raises: Gone."""
    with app.work() as work:
        found = work.builds.get(number)
        repository = _readable(work, viewer, found.repository)
        runs = work.runs.of_build(number)
        return BuildView(
            build=found,
            repository=repository,
            runs=runs,
            trouble=work.reports.trouble(repository.id, found.sha),
            approvals=work.approvals.of_build(number),
            successor=_successor(work, found, runs),
            lacking=_lacking(app, repository),
        )


def _lacking(app: App, repository: Repository) -> Sequence[str]:
    """Nothing is known of a forge that is not set up any more."""
    forge = app.forges.get(repository.forge)
    return forge.lacks() if forge else ()


def _successor(work: UnitOfWork, found: Build, runs: Sequence[Run]) -> BuildId | None:
    """The first build after it, of its change or its commit, if anything of it was superseded."""
    if not any(run.state is RunState.SUPERSEDED for run in runs):
        return None
    later = list(work.builds.at(found.repository, found.sha))
    if found.change is not None:
        later += work.builds.of_change(found.repository, found.change)
    return min((one.id for one in later if one.id > found.id), default=None)


def suite(app: App, viewer: Viewer, number: BuildId, name: str, which: RunId | None = None) -> RunView:
    """The run of a suite in a build; of several cells the one that is asked for, else a bad one, else the newest.

    Raises: Gone.
    """
    with app.work() as work:
        found = work.builds.get(number)
        repository = _readable(work, viewer, found.repository)
        runs = [run for run in work.runs.of_build(number) if run.suite.name == name and which in (None, run.id)]
        if not runs:
            raise Gone(f"build {number} has no suite of that name")
        chosen = max(runs, key=lambda run: (run.state.is_final and conclusion(run) not in PASSING, run.created_at))
        return RunView(
            run=chosen,
            build=found,
            repository=repository,
            events=work.runs.events(chosen.id),
            artifacts=work.artifacts.of_run(chosen.id),
        )


def run(app: App, viewer: Viewer, run_id: RunId) -> RunView:
    """Raises: Gone."""
    with app.work() as work:
        return _run_view(work, viewer, work.runs.get(run_id))


def artifacts(app: App, viewer: Viewer, run_id: RunId) -> Sequence[Artifact]:
    """Raises: Gone."""
    with app.work() as work:
        _run_view(work, viewer, work.runs.get(run_id))
        return work.artifacts.of_run(run_id)


def artifact(app: App, viewer: Viewer, run_id: RunId, path: str) -> Artifact:
    """One that was kept. Raises: Gone."""
    with app.work() as work:
        _run_view(work, viewer, work.runs.get(run_id))
        return work.artifacts.get(run_id, path)


def recent_builds(app: App, viewer: Viewer, limit: int, before: BuildId | None = None) -> Sequence[BuildView]:
    """Newest first; `before`: only builds with a smaller number."""
    with app.work() as work:
        return [
            BuildView(build=found, repository=repository, runs=work.runs.of_build(found.id))
            for found in work.builds.recent(limit, before=before, public_only=not _sees_all(viewer))
            for repository in _if_readable(work, viewer, found.repository)
        ]


def recent_runs(app: App, viewer: Viewer, limit: int) -> Sequence[RunView]:
    """Newest first."""
    with app.work() as work:
        return [
            RunView(run=found, build=work.builds.get(found.build), repository=repository)
            for found in work.runs.recent(limit, public_only=not _sees_all(viewer))
            for repository in _if_readable(work, viewer, found.repository)
        ]


def repositories(app: App, viewer: Viewer, limit: int, after: RepositoryId | None = None) -> Sequence[Repository]:
    """In the order of their numbers; `after`: only those with a larger one."""
    with app.work() as work:
        return work.repositories.known(limit, after=after, public_only=not _sees_all(viewer))


def suites(app: App, viewer: Viewer, limit: int, after: RepositoryId | None = None) -> Sequence[RunView]:
    """Those that ran at the newest push to the default branch of so many repositories."""
    with app.work() as work:
        return [
            RunView(run=found, build=newest, repository=repository)
            for repository in work.repositories.known(limit, after=after, public_only=not _sees_all(viewer))
            if (newest := work.builds.newest_push(repository.id, repository.default_branch)) is not None
            for found in work.runs.of_build(newest.id)
        ]


def audit(app: App, viewer: Viewer, limit: int) -> Sequence[AuditView]:
    """Newest first; what is of no repository is the operator's business."""
    with app.work() as work:
        entries = work.audit.recent(limit, public_only=not viewer.may(Scope.ADMIN))
        return [
            AuditView(one, None if one.repository is None else work.repositories.get(one.repository))
            for one in entries
        ]


def log_piece(app: App, viewer: Viewer, run_id: RunId, start: int, limit: int) -> LogPiece:
    """What the log has from that byte on. Raises: Gone."""
    view = run(app, viewer, run_id)
    # In this order: what was closed before it was read can't have grown in between.
    is_closed = _is_closed(app, view.run)
    data = app.logs.read(run_id, start, limit)
    return LogPiece(view, data, complete=is_closed and not data)


def _is_closed(app: App, found: Run) -> bool:
    if not found.state.is_final:
        return False
    ended = found.finished_at
    return (
        found.attempt == 0 or app.logs.is_closed(found.id) or (ended is not None and app.now() - ended > _LOG_GRACE)
    )


def _run_view(work: UnitOfWork, viewer: Viewer, found: Run) -> RunView:
    repository = _readable(work, viewer, found.repository)
    return RunView(run=found, build=work.builds.get(found.build), repository=repository)


def _readable(work: UnitOfWork, viewer: Viewer, repository_id: RepositoryId) -> Repository:
    for repository in _if_readable(work, viewer, repository_id):
        return repository
    raise Gone("there is nothing here")


def _if_readable(work: UnitOfWork, viewer: Viewer, repository_id: RepositoryId) -> Iterator[Repository]:
    repository = work.repositories.get(repository_id)
    if may_read(viewer, repository):
        yield repository

"""What people and machines may see, read in one place so that one rule decides who may see it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Final

from bot.app import bisecting, findings, presence
from bot.app.context import App
from bot.app.durations import outlook_of
from bot.app.findings import Search
from bot.domain.build_check import verdict
from bot.domain.checks import PASSING
from bot.domain.errors import ForgeUnavailable, Gone, NotAllowed, Refused
from bot.domain.own_rules import AS_EVERYWHERE, OwnRules
from bot.domain.refs import ForgeName, Person, Repository, RepositoryId
from bot.domain.results import Case, Outcome, Results
from bot.domain.runs import Build, BuildId, Run, RunId, RunState
from bot.domain.suite_check import conclusion
from bot.domain.tokens import Scope
from bot.domain.waiting import NOTHING_KNOWN, Outlook
from bot.ports.artifacts import Artifact, ArtifactKind
from bot.ports.forge import Permission
from bot.ports.ledger import Approval, AuditEntry
from bot.ports.store import RunEvent, UnitOfWork

_PAGES: Final = 10
"""Of a list, looked through at most for what somebody may see."""
_LOG_GRACE: Final = timedelta(seconds=10)
"""A finished run's log that nobody closed is complete after this time."""


@dataclass(frozen=True, slots=True)
class Viewer:
    """Whoever looks: anybody, a program (`bot.app.access`), or who has signed in (`bot.app.signing_in`)."""

    token: str = ""
    """The token's id."""
    name: str = ""
    """The token's name or the person's login."""
    scopes: frozenset[Scope] = frozenset()
    """They count everywhere."""
    forge: ForgeName | None = None
    person: Person | None = None
    """Who has signed in, or whose token it is, at that forge."""
    own: frozenset[Scope] = frozenset()
    """Of a person's or a repository's token: they count where the person may at the forge, or there alone."""
    repository: RepositoryId | None = None
    """Whose token it is."""

    def may(self, scope: Scope) -> bool:
        """Everywhere."""
        return scope in self.scopes or Scope.ADMIN in self.scopes

    @property
    def actor(self) -> str:
        """What the audit and the texts call it; no login has a colon."""
        if self.person is None:
            return f"token:{self.name}"
        return f"{self.person.login} by token:{self.name}" if self.token else self.name


ANYBODY: Final = Viewer()


def may_read(app: App, viewer: Viewer, repository: Repository) -> bool:
    """Pages, API, logs, streams and lists all ask here; what may not be read is as if it were not there.

    Raises: ForgeUnavailable: only the forge knows, and it does not answer.
    """
    if sees_all(viewer):
        return True
    if not repository.private:
        return app.rules.anonymous_read or viewer.person is not None or viewer.repository == repository.id
    if viewer.token and Scope.READ not in viewer.own:
        return False
    if viewer.repository is not None:
        return viewer.repository == repository.id
    return permission(app, viewer, repository) >= Permission.READ


def permission(app: App, viewer: Viewer, repository: Repository) -> Permission:
    """Of who has signed in, as it was a moment ago: for showing. Raises: ForgeUnavailable."""
    if viewer.person is None or viewer.forge != repository.forge:
        return Permission.NONE
    try:
        return app.known_permission(repository, viewer.person)
    except (Gone, NotAllowed, Refused):
        return Permission.NONE


def sees_all(viewer: Viewer) -> bool:
    """Tokens are the operator's, so they aren't asked for each repository."""
    return viewer.may(Scope.READ)


def sees_public_only(viewer: Viewer) -> bool:
    return viewer.person is None and viewer.repository is None and not sees_all(viewer)


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
    own_rules: OwnRules = AS_EVERYWHERE
    """Of the repository."""
    lacking: Sequence[str] = ()
    """What people do without on this forge."""
    steers: bool = False
    """The viewer may re-run, cancel and approve."""
    searches: Sequence[Search] = ()
    """For the commits that broke it."""

    @property
    def word(self) -> str:
        return verdict(self.build, self.runs)

    @property
    def is_final(self) -> bool:
        return all(run.state.is_final for run in self.runs)

    @property
    def is_at_rest(self) -> bool:
        """Nothing of it will change by itself."""
        return self.is_final and all(one.found.finished_at is not None for one in self.searches)

    @property
    def searchable(self) -> Sequence[Run]:
        """Failed runs, one of each suite, of which the commit that broke them can be looked for."""
        asked = {run.suite.name for run in self.runs if run.id in {one.found.run for one in self.searches}}
        found = {run.suite.name: run for run in reversed(self.runs) if bisecting.may_be_asked(self.build, run)}
        return [run for name, run in reversed(found.items()) if name not in asked]


@dataclass(frozen=True, slots=True, kw_only=True)
class RunView:
    run: Run
    build: Build
    repository: Repository
    events: Sequence[RunEvent] = ()
    artifacts: Sequence[Artifact] = ()
    service_logs: Sequence[Artifact] = ()
    results: Results | None = None
    outlook: Outlook = NOTHING_KNOWN
    own_rules: OwnRules = AS_EVERYWHERE
    """Of the repository."""
    steers: bool = False
    """The viewer may start, re-run and cancel."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ResultsView(RunView):
    cases: Sequence[Case]
    """By name, one page of them."""


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
    repository = admit(app, viewer, lambda work: work.builds.get(number).repository)
    with app.work() as work:
        found = work.builds.get(number)
        runs = presence.with_waits(app, work, work.runs.of_build(number))
        view = BuildView(
            build=found,
            repository=repository,
            runs=runs,
            trouble=work.reports.trouble(repository.id, found.sha),
            approvals=work.approvals.of_build(number),
            successor=_successor(work, found, runs),
            own_rules=work.repositories.own_rules(repository.id),
            lacking=_lacking(app, repository),
            searches=findings.of_build(work, number),
        )
    return replace(view, steers=may_steer(app, viewer, repository))


def may_steer(app: App, viewer: Viewer, repository: Repository) -> bool:
    """Whether to show buttons; what is pressed is checked anew at the forge."""
    if viewer.person is None or viewer.forge != repository.forge:
        return False
    try:
        return permission(app, viewer, repository) >= Permission.WRITE
    except ForgeUnavailable:
        return False


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
    repository = admit(app, viewer, lambda work: work.builds.get(number).repository)
    with app.work() as work:
        runs = [run for run in work.runs.of_build(number) if run.suite.name == name and which in (None, run.id)]
        if not runs:
            raise Gone(f"build {number} has no suite of that name")
        chosen = max(runs, key=lambda run: (run.state.is_final and conclusion(run) not in PASSING, run.created_at))
        (chosen,) = presence.with_waits(app, work, [chosen])
        files = work.artifacts.of_run(chosen.id)
        view = RunView(
            run=chosen,
            build=work.builds.get(number),
            repository=repository,
            own_rules=work.repositories.own_rules(repository.id),
            events=work.runs.events(chosen.id),
            artifacts=[one for one in files if one.kind is not ArtifactKind.SERVICE_LOG],
            service_logs=[one for one in files if one.kind is ArtifactKind.SERVICE_LOG and one.sha256],
            results=work.results.of_run(chosen.id),
        )
        view = replace(view, outlook=outlook_of(app, work, chosen, view.build, repository))
    return replace(view, steers=may_steer(app, viewer, repository))


def run(app: App, viewer: Viewer, run_id: RunId) -> RunView:
    """Raises: Gone."""
    repository = admit(app, viewer, lambda work: work.runs.get(run_id).repository)
    with app.work() as work:
        (found,) = presence.with_waits(app, work, [work.runs.get(run_id)])
        made_by = work.builds.get(found.build)
        return RunView(
            run=found,
            build=made_by,
            repository=repository,
            outlook=outlook_of(app, work, found, made_by, repository),
            own_rules=work.repositories.own_rules(repository.id),
        )


def results(
    app: App, viewer: Viewer, run_id: RunId, limit: int, *, outcome: Outcome | None = None, after: str = ""
) -> ResultsView:
    """What the run's reports tell, once it has ended; only tests whose names come after `after`. Raises: Gone."""
    view = run(app, viewer, run_id)
    with app.work() as work:
        found = work.results.of_run(run_id)
        return ResultsView(
            run=view.run,
            build=view.build,
            repository=view.repository,
            results=found,
            cases=work.results.cases(run_id, limit, outcome=outcome, after=after) if found else (),
        )


def artifacts(app: App, viewer: Viewer, run_id: RunId) -> Sequence[Artifact]:
    """Raises: Gone."""
    admit(app, viewer, lambda work: work.runs.get(run_id).repository)
    with app.work() as work:
        return work.artifacts.of_run(run_id)


def artifacts_of_build(app: App, viewer: Viewer, number: BuildId) -> Sequence[tuple[Run, Artifact]]:
    """Run by run, in the order of the suite file. Raises: Gone."""
    admit(app, viewer, lambda work: work.builds.get(number).repository)
    with app.work() as work:
        return [(one, kept) for one in work.runs.of_build(number) for kept in work.artifacts.of_run(one.id)]


def artifact(app: App, viewer: Viewer, run_id: RunId, path: str) -> Artifact:
    """One that was kept. Raises: Gone."""
    admit(app, viewer, lambda work: work.runs.get(run_id).repository)
    with app.work() as work:
        return work.artifacts.get(run_id, path)


def repositories(app: App, viewer: Viewer, limit: int, after: RepositoryId | None = None) -> Sequence[Repository]:
    """In the order of their numbers; `after`: only those with a larger one."""
    found: list[Repository] = []
    for _ in range(_PAGES):
        with app.work() as work:
            page = work.repositories.known(limit, after=after, public_only=sees_public_only(viewer))
        found += [one for one in page if is_shown(app, viewer, one)]
        if len(page) < limit or len(found) >= limit:
            break
        after = page[-1].id
    return found[:limit]


def suites(app: App, readable: Sequence[Repository]) -> Sequence[RunView]:
    """Those that ran at the newest push to the default branch of these repositories."""
    with app.work() as work:
        return [
            RunView(run=found, build=newest, repository=repository)
            for repository in readable
            if (newest := work.builds.newest_push(repository.id, repository.default_branch)) is not None
            for found in work.runs.of_build(newest.id)
        ]


def audit(app: App, viewer: Viewer, limit: int, before: int | None = None) -> Sequence[AuditView]:
    """Newest first; what is of no repository is the operator's business."""
    with app.work() as work:
        entries = work.audit.recent(limit, before=before, public_only=not viewer.may(Scope.ADMIN))
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


def admit(app: App, viewer: Viewer, where: Callable[[UnitOfWork], RepositoryId]) -> Repository:
    """The repository that something belongs to; asked of the forge outside of a transaction.

    Raises: Gone: nothing there, or not for the viewer. ForgeUnavailable.
    """
    with app.work() as work:
        repository = work.repositories.get(where(work))
    if not may_read(app, viewer, repository):
        raise Gone("there is nothing here")
    return repository


def is_shown(app: App, viewer: Viewer, repository: Repository) -> bool:
    """In a list: what the forge does not tell now is left out."""
    try:
        return may_read(app, viewer, repository)
    except ForgeUnavailable:
        return False

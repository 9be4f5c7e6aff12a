"""Lists of builds and runs: filtered, page by page, with nothing that the viewer may not see."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Generic, TypeVar

from bot.app import presence, queries
from bot.app.context import App
from bot.app.queries import BuildView, RunView, Viewer
from bot.domain.refs import ForgeName, RepositoryId
from bot.domain.runs import BuildId, Run, RunId
from bot.domain.workers import Worker
from bot.ports.store import Sought, UnitOfWork

_PAGES: Final = 10
"""Looked through at most for what somebody may see."""
_WAITING: Final = 100
"""Builds to approve that are shown at once."""

View = TypeVar("View")
Cursor = TypeVar("Cursor")


@dataclass(frozen=True, slots=True, kw_only=True)
class Filter:
    """What is wanted; empty: all."""

    repository: str = ""
    """`owner/name` or `forge:owner/name`."""
    branch: str = ""
    sha: str = ""
    suite: str = ""
    state: str = ""
    """In the words of people."""


EVERYTHING: Final = Filter()


@dataclass(frozen=True, slots=True)
class Page(Generic[View, Cursor]):
    views: Sequence[View]
    next: Cursor | None
    """Where to go on; there may be more, also when the page isn't full."""


def builds(
    app: App, viewer: Viewer, limit: int, *, before: BuildId | None = None, wanted: Filter = EVERYTHING
) -> Page[BuildView, BuildId]:
    """Newest first; `before`: only builds with a smaller number."""
    sought, public_only = _sought(app, wanted), queries.sees_public_only(viewer)

    def page(before: BuildId | None) -> Iterator[tuple[BuildId, BuildView]]:
        with app.work() as work:
            for found in work.builds.recent(limit, before=before, public_only=public_only, sought=sought):
                yield (
                    found.id,
                    BuildView(
                        build=found,
                        repository=work.repositories.get(found.repository),
                        runs=work.runs.of_build(found.id),
                    ),
                )

    def is_shown(view: BuildView) -> bool:
        return wanted.state in ("", view.word) and queries.is_shown(app, viewer, view.repository)

    return _page(limit, before, page, is_shown)


def runs(
    app: App, viewer: Viewer, limit: int, *, before: RunId | None = None, wanted: Filter = EVERYTHING
) -> Page[RunView, RunId]:
    """Newest first; `before`: only older ones than that run."""
    sought, public_only = _sought(app, wanted), queries.sees_public_only(viewer)

    def page(before: RunId | None) -> Iterator[tuple[RunId, RunView]]:
        with app.work() as work:
            for found in work.runs.recent(limit, before=before, public_only=public_only, sought=sought):
                yield found.id, _view(work, found)

    def is_shown(view: RunView) -> bool:
        return wanted.state in ("", view.run.word) and queries.is_shown(app, viewer, view.repository)

    return _page(limit, before, page, is_shown)


def _page(
    limit: int,
    before: Cursor | None,
    page: Callable[[Cursor | None], Iterable[tuple[Cursor, View]]],
    is_shown: Callable[[View], bool],
) -> Page[View, Cursor]:
    """At most `limit` of what may be shown, out of `_PAGES` pages of what there is."""
    found = list[View]()
    for _ in range(_PAGES):
        rows = list(page(before))
        for cursor, view in rows:
            before = cursor
            if is_shown(view):
                found.append(view)
            if len(found) == limit:
                return Page(found, before)
        if len(rows) < limit:
            return Page(found, None)
    return Page(found, before)


def queue(app: App, viewer: Viewer, limit: int) -> tuple[int, Sequence[RunView]]:
    """How many runs wait for a worker, and those that could start and that the viewer may see."""
    with app.work() as work:
        length = work.runs.queue_length()
        waiting = presence.with_waits(app, work, (work.runs.get(one) for one in work.runs.queued(limit)))
        views = [_view(work, one) for one in waiting]
    return length, [view for view in views if queries.is_shown(app, viewer, view.repository)]


def running(app: App, viewer: Viewer) -> Sequence[RunView]:
    """What workers hold and the viewer may see; the oldest first."""
    with app.work() as work:
        views = [_view(work, one) for _, one in work.runs.by_owner()]
    seen = [view for view in views if queries.is_shown(app, viewer, view.repository)]
    return sorted(seen, key=lambda view: view.run.started_at or view.run.created_at)


def approvals(app: App, viewer: Viewer) -> Sequence[BuildView]:
    """Builds that wait for approval and that the viewer may approve, some hundred at most; the oldest first."""
    with app.work() as work:
        waiting = work.runs.waiting_builds()
        there = {number: work.repositories.get(number) for number in {where for _, where in waiting}}
    steered = {number: one for number, one in there.items() if queries.may_steer(app, viewer, one)}
    with app.work() as work:
        return [
            BuildView(build=work.builds.get(number), repository=steered[where], runs=work.runs.of_build(number))
            for number, where in [one for one in waiting if one[1] in steered][:_WAITING]
        ]


@dataclass(frozen=True, slots=True)
class WorkerView:
    name: str
    process: str
    runs: Sequence[RunView]
    """What it holds now."""
    worker: Worker | None
    """None: it has gone, or never said that it is there; what it holds is taken over when its leases end."""


def workers(app: App) -> Sequence[WorkerView]:
    """Those that are there, are drained or hold runs; by name."""
    with app.work() as work:
        known = {one.process: one for one in work.workers.every()}
        runs: dict[str, list[RunView]] = {process: [] for process in known}
        for owner, one in work.runs.by_owner():
            runs.setdefault(owner.partition(":")[0], []).append(_view(work, one))
    views = [
        WorkerView(known[process].name if process in known else process, process, its, known.get(process))
        for process, its in runs.items()
    ]
    return sorted(views, key=lambda view: (view.name, view.process))


def _view(work: UnitOfWork, found: Run) -> RunView:
    return RunView(run=found, build=work.builds.get(found.build), repository=work.repositories.get(found.repository))


def _sought(app: App, wanted: Filter) -> Sought:
    return Sought(
        repositories=_numbers(app, wanted.repository) if wanted.repository else None,
        branch=wanted.branch,
        sha=wanted.sha,
        suite=wanted.suite,
    )


def _numbers(app: App, name: str) -> tuple[RepositoryId, ...]:
    """One that nobody knows is as one that may not be seen: it has nothing."""
    forge, _, path = name.rpartition(":")
    names = [ForgeName(forge)] if forge else list(app.forges)
    with app.work() as work:
        return tuple(found.id for one in names if (found := work.repositories.find(one, path)) is not None)

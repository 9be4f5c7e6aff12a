"""Pages and badges about more than one build: a repository's history, and what is going on now."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.app import listing, queries
from bot.app.context import App
from bot.app.queries import BuildView, RunView, Viewer
from bot.domain.errors import Gone
from bot.domain.refs import ForgeName, Repository
from bot.domain.runs import Build, BuildId, Cause
from bot.ports.store import UnitOfWork

_STRIP: Final = 40
"""Builds of a branch that its trend is made of."""
_LOOKED_BACK: Final = 200
"""Builds of a repository in which turns are looked for."""
_MANY: Final = 500
"""Repositories of one list."""
_TOLD: Final = frozenset({"passed", "failed", "timed_out", "errored"})
"""Ends that say something about the branch."""
_APART: Final = frozenset({Cause.TAG, Cause.BISECT})
"""They say nothing about the branch."""
_IN_LINE: Final = 10
"""Runs that wait, shown with their places."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trend:
    """The newest builds of a branch that came to an end, the oldest first."""

    branch: str
    builds: Sequence[BuildView]
    is_busy: bool = False
    """Something newer runs, or waits for a worker."""

    @property
    def word(self) -> str:
        """The last result, also while something newer runs; `none` before the first."""
        return self.builds[-1].word if self.builds else "none"

    @property
    def green(self) -> int | None:
        """Percent of the builds that passed."""
        passed = sum(view.word == "passed" for view in self.builds)
        return round(100 * passed / len(self.builds)) if self.builds else None

    @property
    def median(self) -> float | None:
        """Seconds that a build takes."""
        return statistics.median(self._seconds) if self._seconds else None

    @property
    def slow(self) -> float | None:
        """Seconds within which nine of ten builds end."""
        seconds = sorted(self._seconds)
        return seconds[max(0, -(-9 * len(seconds) // 10) - 1)] if seconds else None

    @property
    def _seconds(self) -> list[float]:
        return [seconds for view in self.builds if (seconds := seconds_of(view)) is not None]


@dataclass(frozen=True, slots=True, kw_only=True)
class RepositoryView:
    repository: Repository
    builds: Sequence[BuildView]
    """Newest first."""
    older: BuildId | None
    """The next page begins before that one."""
    trend: Trend


@dataclass(frozen=True, slots=True, kw_only=True)
class Turn:
    """A build that came to something else than the one before it on its branch."""

    view: BuildView
    before: str
    """What that one came to; `none` where it is the first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Front:
    needs_you: Sequence[BuildView] = ()
    """Builds that wait for an approval that the viewer may give."""
    running: Sequence[RunView] = ()
    waiting: Sequence[tuple[int, RunView]] = ()
    """For a worker: with the place in the line, from 1; the next ones that the viewer may see."""
    in_line: int = 0
    """How many wait for a worker, seen or not."""
    repositories: Sequence[tuple[Repository, Trend]]
    builds: Sequence[BuildView]


def seconds_of(view: BuildView) -> float | None:
    """From the trigger to the end of the last run; None while it runs."""
    ends = [run.finished_at for run in view.runs]
    if not ends or any(end is None for end in ends):
        return None
    return max(0.0, (max(end for end in ends if end) - view.build.created_at).total_seconds())


def repository(
    app: App,
    viewer: Viewer,
    forge: ForgeName,
    path: str,
    *,
    branch: str | None = None,
    before: BuildId | None = None,
    limit: int = 30,
) -> RepositoryView:
    """`branch`: only builds of pushes to it and the like. Raises: Gone."""
    found = _find(app, viewer, forge, path)
    with app.work() as work:
        builds = [
            _view(work, found, one) for one in work.builds.of_repository(found.id, limit, before=before, ref=branch)
        ]
        trend = _trend(work, found, branch or found.default_branch)
    older = builds[-1].build.id if len(builds) == limit else None
    return RepositoryView(repository=found, builds=builds, older=older, trend=trend)


def trend(app: App, viewer: Viewer, forge: ForgeName, path: str, branch: str | None = None) -> Trend:
    """Raises: Gone."""
    found = _find(app, viewer, forge, path)
    with app.work() as work:
        return _trend(work, found, branch or found.default_branch)


def turns(
    app: App, viewer: Viewer, forge: ForgeName, path: str, branch: str | None = None
) -> tuple[Repository, Sequence[Turn]]:
    """Newest first, of all branches or of that one. Raises: Gone."""
    found = _find(app, viewer, forge, path)
    with app.work() as work:
        builds = work.builds.of_repository(found.id, _LOOKED_BACK, ref=branch)
        views = [_view(work, found, one) for one in builds if one.change is None and one.cause is not Cause.TAG]
    last: dict[str, str] = {}
    turned = []
    for view in reversed(views):
        if view.word not in _TOLD:
            continue
        before = last.get(view.build.ref, "none")
        if before != view.word:
            turned.append(Turn(view=view, before=before))
        last[view.build.ref] = view.word
    return found, turned[::-1]


def trends(app: App, viewer: Viewer) -> Sequence[tuple[Repository, Trend]]:
    """Of the default branches of all that the viewer may see."""
    found = queries.repositories(app, viewer, _MANY)
    with app.work() as work:
        return [(one, _trend(work, one, one.default_branch)) for one in found]


def front(app: App, viewer: Viewer, limit: int, before: BuildId | None = None) -> Front:
    """`before`: an older page of builds, with nothing else beside them."""
    builds = listing.builds(app, viewer, limit, before=before).views
    if before is not None:
        return Front(repositories=(), builds=builds)
    known = {view.repository.id: view.repository for view in builds}
    with app.work() as work:
        trends = [(one, _trend(work, one, one.default_branch)) for one in known.values()]
    in_line, views = listing.queue(app, viewer, _IN_LINE)
    return Front(
        needs_you=listing.approvals(app, viewer) if viewer.person else (),
        running=listing.running(app, viewer),
        waiting=_places(app, views),
        in_line=in_line,
        repositories=sorted(trends, key=lambda pair: pair[0].path),
        builds=builds,
    )


def _places(app: App, views: Sequence[RunView]) -> Sequence[tuple[int, RunView]]:
    """Of those that wait still; the first to start first."""
    with app.work() as work:
        placed = [(place + 1, view) for view in views if (place := work.runs.place(view.run.id)) is not None]
    return sorted(placed, key=lambda pair: pair[0])


def _find(app: App, viewer: Viewer, forge: ForgeName, path: str) -> Repository:
    with app.work() as work:
        found = work.repositories.find(forge, path)
    if found is None or not queries.may_read(app, viewer, found):
        raise Gone("there is nothing here")
    return found


def _trend(work: UnitOfWork, found: Repository, branch: str) -> Trend:
    newest = work.builds.of_repository(found.id, _STRIP, ref=branch)
    views = [_view(work, found, one) for one in newest if one.change is None and one.cause not in _APART]
    is_busy = any(view.word in ("running", "queued") for view in views)
    return Trend(branch=branch, builds=[view for view in reversed(views) if view.word in _TOLD], is_busy=is_busy)


def _view(work: UnitOfWork, found: Repository, build: Build) -> BuildView:
    return BuildView(build=build, repository=found, runs=work.runs.of_build(build.id))

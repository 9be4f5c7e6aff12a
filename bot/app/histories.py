"""What tests have come to over time: one test's past, and the tests that nobody can rely on."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from bot.app import queries
from bot.app.comparing import DAYS
from bot.app.context import App
from bot.app.queries import Viewer
from bot.domain.errors import Gone
from bot.domain.refs import ForgeName, Repository, RepositoryId
from bot.domain.results import Mute
from bot.ports.results import Past, Unsteady

_SHOWN: Final = 100


@dataclass(frozen=True, slots=True, kw_only=True)
class TestView:
    repository: Repository
    suite: str
    cell: str
    name: str
    past: Sequence[Past]
    """Newest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FlakyView:
    repository: Repository
    tests: Sequence[Unsteady]
    """Those that held up most people first."""
    days: int
    mutes: Sequence[Mute] = ()
    """Those that hold today."""
    steers: bool = False
    """The viewer may mute."""

    def muted(self, suite: str, name: str) -> Mute | None:
        return next((one for one in self.mutes if (one.suite, one.name) == (suite, name)), None)


def of_test(app: App, viewer: Viewer, where: tuple[ForgeName, str], suite: str, cell: str, name: str) -> TestView:
    """`where`: the repository's forge and path. Raises: Gone: nothing there, or not for the viewer."""
    repository = _repository(app, viewer, where)
    with app.work() as work:
        past = work.results.history(repository.id, suite, cell, name, _SHOWN)
    if not past:
        raise Gone("no run has told of that test")
    return TestView(repository=repository, suite=suite, cell=cell, name=name, past=past)


def flaky(app: App, viewer: Viewer, where: tuple[ForgeName, str]) -> FlakyView:
    """As for a test. Raises: Gone."""
    repository = _repository(app, viewer, where)
    return replace(flaky_of(app, repository), steers=queries.may_steer(app, viewer, repository))


def flaky_of(app: App, repository: Repository, days: int = DAYS) -> FlakyView:
    with app.work() as work:
        tests = work.results.flaky(repository.id, days * 86400.0, _SHOWN)
        mutes = [one for one in work.results.mutes(repository.id) if one.until >= app.now().date()]
    return FlakyView(repository=repository, tests=tests, days=days, mutes=mutes)


def _repository(app: App, viewer: Viewer, where: tuple[ForgeName, str]) -> Repository:
    with app.work() as work:
        found = work.repositories.find(*where)
    if found is None:
        raise Gone("there is nothing here")
    number: RepositoryId = found.id
    return queries.admit(app, viewer, lambda _: number)

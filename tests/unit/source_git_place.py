"""Where the tests of the git source work: a host, a mirror folder and fresh folders for work trees."""

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bot.adapters.source_git import GitSource
from bot.domain.refs import RepositoryId, Sha
from bot.ports.forge import Access
from bot.ports.source import Wanted
from tests.githost import GitHost, serving

SITE = RepositoryId(7)
CONTAINER_USER = (65532, 65532)


@dataclass(slots=True)
class Place:
    folder: Path
    host: GitHost
    headers: dict[str, str] = field(default_factory=dict)
    asked: int = 0
    """How often a credential was asked for."""
    numbers: Iterator[int] = field(default_factory=itertools.count)

    def source(
        self,
        *,
        user: tuple[int, int] | None = None,
        size_limit: int = 50_000_000,
        time_limit: float = 30.0,
        lag: Sequence[float] = (),
    ) -> GitSource:
        return GitSource(
            self.folder / "mirrors",
            user=user,
            allow_http_hosts=frozenset({"127.0.0.1"}),
            size_limit=size_limit,
            time_limit=time_limit,
            lag=lag,
        )

    def access(self) -> Access:
        self.asked += 1
        return self.host.access("acme/site", **self.headers)

    def checkout(
        self,
        sha: str,
        *refs: str,
        source: GitSource | None = None,
        access: Callable[[], Access] | None = None,
        should_stop: Callable[[], bool] = lambda: False,
    ) -> Path:
        """Gives the work tree."""
        tree = self.folder / f"tree-{next(self.numbers)}"
        tree.mkdir()
        wanted = Wanted(repository=SITE, sha=Sha(sha), refs=refs)
        (source or self.source()).checkout(wanted, access or self.access, tree, should_stop)
        return tree

    @property
    def mirror(self) -> Path:
        return self.folder / "mirrors" / f"{SITE}.git"


@contextmanager
def a_place(folder: Path) -> Iterator[Place]:
    with serving(folder / "served") as host:
        yield Place(folder, host)

"""A source without git: it writes the files that a test gave it."""

from collections.abc import Callable, Mapping
from pathlib import Path

from bot.domain.errors import BadInput, SourceRefused, SourceUnavailable
from bot.domain.refs import RepositoryId, Sha, sha_of
from bot.ports.forge import Access
from bot.ports.source import Wanted


class FakeSource:
    """Keeps commits by repository and id. Like the real one it asks for access only the first time."""

    def __init__(self, commits: Mapping[Sha, Mapping[str, str]] | None = None) -> None:
        self.commits: dict[Sha, Mapping[str, str]] = dict(commits or {})
        self.mirrored: set[tuple[RepositoryId, Sha]] = set()
        self.checkouts: list[Wanted] = []
        self.fault: Exception | None = None
        """Raised by every checkout while it is set."""
        self.meanwhile: Callable[[], None] | None = None
        """What happens elsewhere while a checkout goes on."""

    def add(self, sha: Sha, files: Mapping[str, str]) -> None:
        self.commits[sha] = files

    def checkout(
        self, wanted: Wanted, access: Callable[[], Access], folder: Path, should_stop: Callable[[], bool]
    ) -> None:
        try:
            sha = sha_of(wanted.sha)
        except BadInput as error:
            raise SourceRefused(str(error)) from error
        if should_stop():
            raise SourceUnavailable("the checkout was stopped")
        if self.meanwhile:
            self.meanwhile()
        if self.fault:
            raise self.fault
        if (wanted.repository, sha) not in self.mirrored:
            access()
            if sha not in self.commits:
                raise SourceRefused(f"commit {sha} is gone: the branch was force-pushed or deleted")
            self.mirrored.add((wanted.repository, sha))
        self.checkouts.append(wanted)
        for name, content in self.commits[sha].items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)

    def files(self, repository: RepositoryId, sha: Sha) -> frozenset[str]:
        return frozenset(self.commits[sha]) if (repository, sha) in self.mirrored else frozenset()

    def forget(self, repository: RepositoryId) -> None:
        self.mirrored = {one for one in self.mirrored if one[0] != repository}

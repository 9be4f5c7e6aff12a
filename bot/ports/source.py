"""Where the code under test comes from."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.domain.refs import RepositoryId, Sha
from bot.ports.forge import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A commit of a repository, and the refs where it may be found if it can't be fetched by its id."""

    repository: RepositoryId
    sha: Sha
    refs: Sequence[str] = ()
    """Full names: `refs/heads/main`, `refs/pull/7/head`."""


class Source(Protocol):
    def checkout(
        self, wanted: Wanted, access: Callable[[], Access], folder: Path, should_stop: Callable[[], bool]
    ) -> None:
        """Put exactly that commit into the empty folder, with a clean `.git` of its own that holds no credential.

        `access` is only called when the mirror lacks the commit. When `should_stop` says yes while it works, it ends
        as soon as it can with SourceUnavailable.

        Raises:
            SourceRefused: the commit is gone, belongs to nobody here, is too large or names forbidden things.
            SourceUnavailable: the forge did not answer, or does not show the commit yet after a bounded wait.
        """

    def files(self, repository: RepositoryId, sha: Sha) -> frozenset[str]:
        """The paths of a commit that was checked out before; nothing when it is not here any more.

        Raises: SourceUnavailable.
        """

    def forget(self, repository: RepositoryId) -> None:
        """Remove the mirror."""

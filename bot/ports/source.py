"""Where the code under test comes from."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import Merge
from bot.ports.forge import Access


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """A commit of a repository, and the refs where it may be found if it can't be fetched by its id."""

    repository: RepositoryId
    sha: Sha
    refs: Sequence[str] = ()
    """Full names: `refs/heads/main`, `refs/pull/7/head`, as the forge has it."""
    onto: "Wanted | None" = None
    """The commit that it shall be merged onto; the merge has that one as its first parent."""


@dataclass(frozen=True, slots=True)
class Tips:
    """What refs point to now."""

    default_branch: str
    """Empty: it has none yet."""
    commits: Mapping[str, Sha]
    """By full names of refs; of an annotated tag the commit behind it. Refs that are not there are missing."""


class Source(Protocol):
    def checkout(
        self, wanted: Wanted, access: Callable[[], Access], folder: Path, should_stop: Callable[[], bool]
    ) -> None:
        """Put exactly that commit into the empty folder, with a clean `.git` of its own that holds no credential.

        `access` is only called when the mirror lacks the commit. When `should_stop` says yes while it works, it ends
        as soon as it can with SourceUnavailable.

        Raises:
            SourceRefused: the commit is gone, belongs to nobody here, is too large, names forbidden things, or
                conflicts with what it shall be merged onto.
            SourceUnavailable: the forge did not answer, or does not show the commit yet after a bounded wait.
        """

    def merge(self, wanted: Wanted, access: Callable[[], Access], should_stop: Callable[[], bool]) -> Merge:
        """Try to merge `wanted` onto `wanted.onto`, by git's usual rules: the tree, or the files that conflict.

        The same two commits always give the same tree, here and in `checkout`. Raises: as `checkout`; SourceRefused
        also when the two have no history in common.
        """

    def between(
        self, wanted: Wanted, access: Callable[[], Access], should_stop: Callable[[], bool], limit: int
    ) -> Sequence[Sha]:
        """The commits behind `wanted.onto` up to `wanted`, both of one branch; oldest first, `wanted` the last.

        Along first parents: what was merged into the branch counts as one commit. Raises: as `merge`; SourceRefused
        also when there are more than `limit`.
        """

    def files(self, repository: RepositoryId, sha: Sha) -> frozenset[str]:
        """The paths of a commit that was checked out before; nothing when it is not here any more.

        Raises: SourceUnavailable.
        """

    def tips(self, access: Access, refs: Sequence[str]) -> Tips:
        """Ask the repository itself. Raises: SourceRefused: it is not there, or not for us. SourceUnavailable."""

    def message(self, wanted: Wanted, access: Callable[[], Access]) -> str:
        """Of the commit. Raises: as `checkout`."""

    def read(self, wanted: Wanted, access: Callable[[], Access], path: str, limit: int) -> bytes | None:
        """A regular file of the commit, at most `limit` + 1 bytes; None: there is none. Raises: as `checkout`."""

    def forget(self, repository: RepositoryId) -> None:
        """Remove the mirror."""

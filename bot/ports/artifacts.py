"""Artifacts: their contents, kept under their hash so that no job ever names a file of ours, and whose they are."""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NewType, Protocol

from bot.domain.runs import RunId

Sha256 = NewType("Sha256", str)
"""64 lower-case hexadecimal digits."""


@dataclass(frozen=True, slots=True)
class Stored:
    sha256: Sha256
    size: int
    """Bytes."""


class Stream(Protocol):
    def read(self, size: int, /) -> bytes:
        """At most `size` bytes; none at the end."""


class Artifacts(Protocol):
    """Every method may raise StoreBusy: out of reach, or full."""

    def put(self, stream: Stream, limit: int) -> Stored:
        """Keep the stream's content; it appears whole or not at all. The same content is kept once.

        Raises:
            BadInput: it has more than `limit` bytes; nothing is kept.
        """

    def read(self, sha256: Sha256, start: int, length: int) -> bytes:
        """At most `length` bytes from that offset; empty at the end.

        Raises:
            Gone: no such content.
        """

    def remove(self, sha256: Sha256, before: float) -> bool:
        """Remove what nobody refers to, unless it was put again after that time (seconds since 1970).

        Whoever puts writes its reference a moment later: `before` lies far enough back for that.
        """

    def delete_before(self, before: float, is_kept: Callable[[Sha256], bool]) -> int:
        """Remove all that was put before that time and isn't kept, and what interrupted puts left; how many."""


class ArtifactKind(enum.StrEnum):
    ARTIFACT = "artifact"
    REPORT = "report"
    """Of test results."""
    SERVICE_LOG = "service_log"
    """The end of what a service beside the suite printed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ArtifactFound:
    """A file that a run left, or why it was not kept."""

    path: str
    """Relative, with / between its parts; empty: whatever else there was."""
    sha256: Sha256 | None = None
    """None: it was skipped."""
    size: int = 0
    kind: ArtifactKind = ArtifactKind.ARTIFACT
    skipped: str = ""
    """Why."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifact(ArtifactFound):
    run: RunId
    created_at: float
    """Seconds since 1970."""
    keep_until: float


class ArtifactTable(Protocol):
    """A part of the store: which run left which files."""

    def replace(self, run: RunId, kind: ArtifactKind, found: Sequence[ArtifactFound], keep: float) -> None:
        """From now on these are the run's of that kind, for `keep` seconds. Paths are unique among all kinds.

        A path that another kind of the run has already stays that one's.
        """

    def of_run(self, run: RunId) -> Sequence[Artifact]:
        """By path; skipped ones too."""

    def get(self, run: RunId, path: str) -> Artifact:
        """Raises: Gone: the run left no such file, or it was skipped."""

    def expired(self, limit: int) -> Sequence[Artifact]:
        """Their time is over; oldest first."""

    def remove(self, run: RunId, path: str) -> None: ...

    def references(self, sha256: Sha256) -> int:
        """How many files have that content."""

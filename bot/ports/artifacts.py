"""Contents of artifacts, kept under their hash: nothing that a job wrote ever names a file of ours."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import NewType, Protocol

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

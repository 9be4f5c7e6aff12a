"""Logs of runs: bytes in order, readable from any offset while they grow."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.runs import RunId


class Logs(Protocol):
    """Every method may raise StoreBusy."""

    def append(self, run: RunId, fence: int, data: bytes) -> bool:
        """Add to the end; False (and nothing written) when the fence is no longer the run's or the log is closed."""

    def close(self, run: RunId) -> None:
        """Nothing will follow; may compress and move it. Safe to repeat."""

    def size(self, run: RunId) -> int:
        """Bytes so far; 0 for an unknown run."""

    def read(self, run: RunId, start: int, limit: int) -> bytes:
        """At most `limit` bytes from that offset; empty at the end.

        Raises:
            Gone: the log was closed and moved, and somebody took it from there.
        """

    def is_closed(self, run: RunId) -> bool: ...

    def left_open(self, limit: int) -> Sequence[RunId]:
        """Finished runs whose log still has to be closed, because whoever should have done it died; oldest first."""

    def remove(self, run: RunId) -> None:
        """From then on it is empty and closed. Safe to repeat."""

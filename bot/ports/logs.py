"""Logs of runs: bytes in order, readable from any offset while they grow."""

from collections.abc import Iterable, Sequence
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


class PackedLogs(Protocol):
    """Where closed logs are kept, packed as `domain.packing` does. Every method may raise StoreBusy."""

    def pack(self, run: RunId, pieces: Iterable[bytes]) -> tuple[int, ...]:
        """Keep them, whole or not at all; where each begins in what is kept and, last, its end."""

    def read(self, run: RunId, members: Sequence[int], start: int, end: int) -> bytes:
        """Raises: Gone."""

    def remove(self, run: RunId) -> None: ...

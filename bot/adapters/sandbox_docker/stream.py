"""What the job prints: a named pipe in its workspace that the worker reads.

Exact bytes at the cost of a read, without the engine: its log driver stays out, its restarts don't matter. It is no
plain file, because `echo … > /dev/stderr`, which scripts do, opens what stderr is anew and would empty
a file; because a pipe holds the job back while nobody reads; and because a flood of output needs no room on the disk.
"""

import contextlib
import fcntl
import os
import select
from pathlib import Path
from typing import Final, Self

_PIECE: Final = 1 << 18
_ROOM: Final = 1 << 20
"""Bytes that the job may be ahead of us: with little room both wait for each other all the time."""


class Pipe:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self.opened = False
        """It had a writer: somebody in the container got as far as that."""
        self.held = True
        """False when it had writers and has none: the job is about to end, or prints elsewhere."""

    @classmethod
    def make(cls, path: Path, owner: tuple[int, int] | None) -> Self:
        """The pipe made anew, for its owner only, and kept open: its name is never looked up again."""
        path.unlink(missing_ok=True)
        os.mkfifo(path, 0o600)
        if owner:
            os.chown(path, *owner)
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
        with contextlib.suppress(OSError):  # the system allows a user so much and no more
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, _ROOM)
        return cls(descriptor)

    def close(self) -> None:
        os.close(self._descriptor)

    def read(self, wait: float) -> bytes:
        """What there is, after at most `wait` seconds; empty when there is nothing.

        The kernel tells of no event before the first writer, and of POLLHUP after the last.
        """
        ready = self._poll.poll(wait * 1000)
        events = ready[0][1] if ready else 0
        self.held = not events & select.POLLHUP
        self.opened = self.opened or bool(events)
        return os.read(self._descriptor, _PIECE) if events & select.POLLIN else b""

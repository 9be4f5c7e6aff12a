"""What the job prints: a named pipe in its workspace that the worker reads.

Exact bytes at the cost of a read, without the engine: its log driver stays out, its restarts don't matter. A pipe and not
a file, because `echo … > /dev/stderr`, which scripts do, opens what stderr is anew and would cut a file to nothing;
because it holds the job back while nobody reads; and because a flood of output needs no room on the disk.
"""

import contextlib
import os
import select
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

_PIECE: Final = 1 << 18


class Output:
    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self.opened = False
        """The job's shell has begun: the pipe had a writer."""
        self.held = True
        """False when it had writers and has none: the job is about to end, or prints elsewhere."""

    def read(self, wait: float) -> bytes:
        """What there is, after at most `wait` seconds; empty when there is nothing."""
        events = self._events(wait)
        self.held = not events & select.POLLHUP
        self.opened = self.opened or bool(events)
        return os.read(self._descriptor, _PIECE) if events & select.POLLIN else b""

    def _events(self, wait: float) -> int:
        """A pipe that never had a writer gives none; POLLHUP comes with the end of the last one."""
        ready = self._poll.poll(wait * 1000)
        return ready[0][1] if ready else 0


@contextlib.contextmanager
def output(path: Path, owner: tuple[int, int] | None) -> Iterator[Output]:
    """Make the pipe anew, for its owner only, and keep it open. Its name is never looked up again."""
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    if owner:
        os.chown(path, *owner)
    descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK)
    try:
        yield Output(descriptor)
    finally:
        os.close(descriptor)


def drain(source: Output, write: Callable[[bytes], None], enough: Callable[[], bool]) -> None:
    """Pass on what is left of a job that has ended, unless the reader has had enough."""
    while (piece := source.read(0)) and not enough():
        write(piece)

"""What the job prints: a named pipe in its workspace, which the worker moves into a file of its own.

Exact bytes at the cost of a read, without the engine: its log driver stays out, its restarts don't matter. It is no
plain file, because `echo … > /dev/stderr`, which scripts do, opens what stderr is anew and would empty
a file; and because a pipe holds the job back while nobody reads.

The kernel moves bytes from the pipe into the file in one step that no signal cuts in half: whoever comes after a
worker that was killed finds each byte in just one of both.
"""

import contextlib
import fcntl
import os
import select
import stat
from pathlib import Path
from typing import Final, Self

from bot.adapters.sandbox_docker import profile
from bot.domain.errors import SandboxUnavailable

_PIECE: Final = 1 << 18
_LONGEST: Final = 1 << 16
"""Bytes that the second pipe has to say."""
ROOM: Final = 1 << 20
"""Bytes that the job may be ahead of us: with little room both wait for each other all the time."""


def make_pipe(path: Path, owner: tuple[int, int] | None) -> None:
    path.unlink(missing_ok=True)
    os.mkfifo(path, 0o600)
    if owner:
        os.chown(path, *owner)


class Pipe:
    def __init__(self, descriptor: int, kept: int) -> None:
        """`kept`: the file of what came before and comes from now on."""
        self.descriptor, self._kept = descriptor, kept
        self._at, self._size = 0, os.fstat(kept).st_size
        self._poll = select.poll()
        self._poll.register(descriptor, select.POLLIN)
        self._beside: int | None = None
        self.opened = self._size > 0
        """It had a writer: somebody in the container got as far as that."""
        self.held = True
        """False when it had writers and has none: the job is about to end, or prints elsewhere."""

    @classmethod
    def make(cls, path: Path, kept: Path, owner: tuple[int, int] | None) -> Self:
        """The pipe made anew, for its owner only, and kept open: its name is never looked up again."""
        make_pipe(path, owner)
        kept.unlink(missing_ok=True)
        return cls._open(path, kept, os.O_CREAT | os.O_EXCL)

    @classmethod
    def again(cls, path: Path, kept: Path) -> Self:
        """Of a process that is gone: all that it read comes once more. Raises: OSError: they are not what we made."""
        return cls._open(path, kept, 0)

    @classmethod
    def _open(cls, path: Path, kept: Path, how: int) -> Self:
        """A job of our own user could have put something else in the pipe's place: no link is followed."""
        file = os.open(kept, os.O_RDWR | os.O_NOFOLLOW | os.O_CLOEXEC | how, 0o600)
        try:
            descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC)
        except OSError:
            os.close(file)
            raise
        if not stat.S_ISFIFO(os.fstat(descriptor).st_mode):
            os.close(descriptor)
            os.close(file)
            raise OSError(f"{path.name} is no pipe any more")
        with contextlib.suppress(OSError):  # the system allows a user so much and no more
            fcntl.fcntl(descriptor, fcntl.F_SETPIPE_SZ, ROOM)
        return cls(descriptor, file)

    def wait_beside(self, other: "Pipe | None") -> None:
        """From now on a wait ends also when the other has something; None: not any more."""
        if self._beside is not None:
            self._poll.unregister(self._beside)
        self._beside = other.descriptor if other else None
        if self._beside is not None:
            self._poll.register(self._beside, select.POLLIN)

    def close(self) -> None:
        os.close(self.descriptor)
        os.close(self._kept)

    def read(self, wait: float) -> bytes:
        """What there is, after at most `wait` seconds; empty when there is nothing.

        The kernel tells of no event before the first writer, and of POLLHUP after the last.

        Raises:
            SandboxUnavailable: the file can't take it.
        """
        if self._at == self._size:
            events = dict(self._poll.poll(wait * 1000)).get(self.descriptor, 0)
            self.held = not events & select.POLLHUP
            self.opened = self.opened or bool(events)
            if not events & select.POLLIN:
                return b""
            try:
                self._size += os.splice(self.descriptor, self._kept, _PIECE, offset_dst=self._size)
            except OSError as error:
                raise SandboxUnavailable(f"keeping the output: {error}") from error
        piece = os.pread(self._kept, _PIECE, self._at)
        self._at += len(piece)
        return piece


class Pipes:
    """The three that a container's script ends by: its output, how it ended, and that we have both."""

    def __init__(self, log: Pipe, end: Pipe, go: Path) -> None:
        self.log, self._end, self._go = log, end, go
        self.told = b""
        """What the second one says so far."""
        self._since = 0
        self._has_gone = False
        log.wait_beside(end)

    @property
    def is_over(self) -> bool:
        """The script has ended by itself."""
        return profile.tells_end(self.told)

    def part(self, piece: bytes) -> None:
        """After each look at the output, which gave that: once all is here, the container may end.

        Others in the container may print for ever; what the script itself wrote is among as much as the pipe holds.
        """
        if self._has_gone:
            return
        if self.is_over:
            self._since += len(piece)
            if not piece or self._since > ROOM:
                self._let_go()
            return
        if self.hear_end() or len(self.told) > _LONGEST:
            self.log.wait_beside(None)

    def hear_end(self) -> bool:
        """Has the script ended by itself? Whoever writes too much there has no say in it."""
        while len(self.told) <= _LONGEST and (words := self._end.read(0)):
            self.told += words
        return self.is_over

    def _let_go(self) -> None:
        with contextlib.suppress(OSError):  # nobody waits there yet, or any more
            os.close(os.open(self._go, os.O_WRONLY | os.O_NONBLOCK | os.O_NOFOLLOW | os.O_CLOEXEC))
            self._has_gone = True

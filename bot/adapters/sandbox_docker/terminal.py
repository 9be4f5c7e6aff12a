"""The terminal of this process and that of a container, tied together."""

import contextlib
import fcntl
import os
import select
import signal
import struct
import sys
import termios
import tty
from collections.abc import Callable, Iterator
from typing import Final

_PIECE: Final = 1 << 16


def tie(connection: int, resize: Callable[[int, int], None]) -> None:
    """Pass on what is typed and what is shown until the other side ends.

    `connection`: a descriptor to and from the container's terminal. `resize` is told rows and columns, at once and
    whenever they change.
    """
    os.set_blocking(connection, True)
    keys, screen = sys.stdin.fileno(), sys.stdout.fileno()
    with _raw(keys), _watched_size(screen, resize):
        waiting = [keys, connection]
        while True:
            ready, _, _ = select.select(waiting, [], [])
            if connection in ready:
                shown = os.read(connection, _PIECE)
                if not shown:
                    return
                _write_all(screen, shown)
            if keys in ready:
                typed = os.read(keys, _PIECE)
                if typed:
                    _write_all(connection, typed)
                else:
                    waiting.remove(keys)


def _write_all(descriptor: int, data: bytes) -> None:
    while data:
        data = data[os.write(descriptor, data) :]


@contextlib.contextmanager
def _raw(descriptor: int) -> Iterator[None]:
    """Every key goes to the container, Ctrl-C too."""
    before = termios.tcgetattr(descriptor)
    try:
        tty.setraw(descriptor)
        yield
    finally:
        termios.tcsetattr(descriptor, termios.TCSADRAIN, before)


@contextlib.contextmanager
def _watched_size(descriptor: int, resize: Callable[[int, int], None]) -> Iterator[None]:
    def tell(*_: object) -> None:
        rows, columns, _, _ = struct.unpack("4H", fcntl.ioctl(descriptor, termios.TIOCGWINSZ, bytes(8)))
        if rows and columns:
            resize(rows, columns)

    before = signal.signal(signal.SIGWINCH, tell)
    try:
        tell()
        yield
    finally:
        signal.signal(signal.SIGWINCH, before)

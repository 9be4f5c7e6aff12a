"""What suites print on its way to the terminal, and a copy of it in a file."""

import sys
from pathlib import Path
from types import TracebackType
from typing import BinaryIO, Final, Self

from bot.domain.texts import plain

_LONGEST: Final = 64 * 1024
"""Bytes that are kept back for the end of their line."""


def fresh(path: Path) -> BinaryIO:
    """The file made anew: whatever had its name, a link above all, is not written to."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.unlink(missing_ok=True)
    return path.open("xb")


class Stream:
    """Used as a context.

    On a terminal a single suite's output shows as it comes, colours and all. Elsewhere it shows in whole lines of
    plain text; where several suites run, each line begins with the suite's name.
    """

    def __init__(self, log: Path, name: str = "") -> None:
        """`name`: put before each line; empty: nothing is."""
        self._is_terminal = sys.stdout.isatty()
        self._prefix = f"{name} │ " if name else ""
        self._held = b""
        self._file = fresh(log)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._held:
            self._show(self._held)
        self._file.close()

    def write(self, data: bytes) -> None:
        self._file.write(data)
        if self._is_terminal and not self._prefix:
            sys.stdout.buffer.write(data)
            sys.stdout.buffer.flush()
            return
        *lines, self._held = (self._held + data).split(b"\n")
        for line in lines:
            self._show(line)
        if len(self._held) > _LONGEST:
            self._show(self._held)
            self._held = b""

    def _show(self, line: bytes) -> None:
        text = line.decode(errors="replace").removesuffix("\r")
        sys.stdout.write(f"{self._prefix}{text if self._is_terminal else plain(text)}\n")
        sys.stdout.flush()

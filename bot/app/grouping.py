"""Where the commands of a list begin in what their run prints.

Between two commands the script prints a mark that holds the run's own random word: it is taken out of the log and
becomes a group. What else a suite prints is no mark. Code that looks the word up can only make its own groups wrong:
they are counted upwards and never more than the commands.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from bot.domain.runs import Group

_SIGN: Final = b"\x1e"
_LONGEST: Final = 64
"""Bytes that a mark has beside its word at most."""


def marking(word: str) -> str:
    """A line of shell that `announcement` needs before it."""
    return f"_assay_shows() {{ printf '\\036{word}:%d:%d\\n\\033[1m$ %s\\033[0m\\n' \"$@\"; }}"


def announcement(number: int, shown: str) -> str:
    """A line of shell that begins the command of that number and shows `shown`, which is quoted already.

    The braces keep it out of what `set -x` traces.
    """
    return f"{{ _assay_shows {number} $? {shown}; }} 2>/dev/null"


@dataclass(frozen=True, slots=True)
class Mark:
    number: int
    """Of the command that begins."""
    code: int
    """Exit code of what ran before it."""


class Marks:
    """Finds the marks in output that comes in pieces."""

    def __init__(self, word: str, count: int) -> None:
        """`count`: how many commands there are."""
        self._pattern = re.compile(_SIGN + re.escape(word.encode()) + rb":(\d{1,6}):(\d{1,3})\n")
        self._longest = len(word) + _LONGEST
        self._count = count
        self._last = 0
        self._held = b""

    def feed(self, data: bytes) -> Iterator[bytes | Mark]:
        data, at = self._held + data, 0
        for found in self._pattern.finditer(data):
            number = int(found[1])
            if self._last < number <= self._count:
                yield data[at : found.start()]
                yield Mark(number, int(found[2]))
                self._last, at = number, found.end()
        begun = data.rfind(_SIGN, max(at, len(data) - self._longest))
        end = len(data) if begun < 0 or b"\n" in data[begun:] else begun
        yield data[at:end]
        self._held = data[end:]

    def rest(self) -> bytes:
        """What looked like the begin of a mark and was none."""
        held, self._held = self._held, b""
        return held


class Groups:
    """The groups so far; times in seconds of one clock."""

    def __init__(self) -> None:
        self._all: list[Group] = []
        self._began = 0.0

    @property
    def so_far(self) -> tuple[Group, ...]:
        return tuple(self._all)

    def begin(self, mark: Mark, offset: int, now: float) -> None:
        self.end(mark.code, now)
        self._all.append(Group(number=mark.number, offset=offset))
        self._began = now

    def end(self, code: int | None, now: float) -> None:
        """Of the last one, if it is not over."""
        if self._all and self._all[-1].seconds is None:
            self._all[-1] = replace(self._all[-1], seconds=round(now - self._began, 3), code=code)

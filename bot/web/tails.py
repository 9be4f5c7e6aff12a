"""Where the last lines of a log begin."""

from collections.abc import Callable
from typing import Final

_PIECE: Final = 64 * 1024
FARTHEST: Final = 4 << 20
"""Bytes before the end that are looked at."""


def start_of_tail(read: Callable[[int, int], bytes], size: int, lines: int) -> int:
    """The byte at which the last so many lines begin. `read(start, limit)` gives bytes of the log."""
    at, missing = size, lines + 1
    lowest = max(size - FARTHEST, 0)
    while at > lowest:
        start = max(at - _PIECE, lowest)
        piece = read(start, at - start)
        if at == size and not piece.endswith(b"\n"):
            missing -= 1
        end = len(piece)
        while (end := piece.rfind(b"\n", 0, end)) >= 0:
            missing -= 1
            if missing == 0:
                return start + end + 1
        at = start
    return lowest

"""The Range header, one range at a time (RFC 9110 §14)."""

import re
from typing import Final

_ONE: Final = re.compile(r"bytes=(\d{0,18})-(\d{0,18})", re.ASCII)


class Unsatisfiable(Exception):
    """Nothing of the content is in the range."""


def read_range(header: str | None, size: int) -> tuple[int, int] | None:
    """(start, end) of the bytes that are wanted, `end` excluded; None: send everything.

    What can't be read is ignored, as the standard says; so are several ranges, which no reader of a log needs and
    which can be made to cost a lot (RELIABILITY S026).
    """
    found = _ONE.fullmatch(header or "")
    if not found or found[0] == "bytes=-":
        return None
    first, last = found[1], found[2]
    if not first:
        start, end = max(size - int(last), 0), size
    else:
        start, end = int(first), min(int(last) + 1, size) if last else size
        if last and int(last) < start:
            return None
    if start >= size:
        raise Unsatisfiable
    return start, end

"""Logs as gzip files of independent members, so that any part is read without the rest."""

import gzip
from collections.abc import Iterable, Sequence
from typing import BinaryIO, Final

MEMBER: Final = 1 << 18
"""Raw bytes in each member but the last."""
_LEVEL: Final = 3


def pack(file: BinaryIO, pieces: Iterable[bytes]) -> tuple[int, ...]:
    """Write one member for each piece; the offset of each in the file and, last, the file's end."""
    members = [0]
    for piece in pieces:
        packed = gzip.compress(piece, _LEVEL, mtime=0)
        file.write(packed)
        members.append(members[-1] + len(packed))
    return tuple(members)


def place(members: Sequence[int], start: int, end: int) -> tuple[int, int]:
    """From where to where in the file those raw bytes are."""
    return members[start // MEMBER], members[(end - 1) // MEMBER + 1]


def unpack(packed: bytes, start: int, end: int) -> bytes:
    """The raw bytes, out of what is at their place."""
    skipped = start % MEMBER
    return gzip.decompress(packed)[skipped : skipped + end - start]

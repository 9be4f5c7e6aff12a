"""Closed logs on disk: gzip files of independent members, so that any part is read without the rest."""

import gzip
import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.domain.runs import RunId

MEMBER: Final = 1 << 18
"""Raw bytes in each member but the last."""
_LEVEL: Final = 3
_RUN_ID: Final = re.compile(r"[A-Za-z0-9_-]+")


class LogFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pack(self, run: RunId, pieces: Iterable[bytes]) -> tuple[int, ...]:
        """Write one member for each piece; the offset of each in the file and, last, the file's end.

        The file appears whole or not at all, also when the power fails.
        """
        path = self._path(run)
        with _troubles():
            path.parent.mkdir(parents=True, exist_ok=True)
            handle, name = tempfile.mkstemp(prefix=f".{run}.", dir=path.parent)
            try:
                members = _write(handle, pieces)
                Path(name).replace(path)
            except BaseException:
                Path(name).unlink(missing_ok=True)
                raise
            _sync(path.parent)
        return members

    def read(self, run: RunId, members: Sequence[int], start: int, end: int) -> bytes:
        """Raises: Gone."""
        first, last = start // MEMBER, (end - 1) // MEMBER
        with _troubles(), self._path(run).open("rb") as file:
            file.seek(members[first])
            packed = file.read(members[last + 1] - members[first])
        skipped = start - first * MEMBER
        return gzip.decompress(packed)[skipped : skipped + end - start]

    def remove(self, run: RunId) -> None:
        with _troubles():
            self._path(run).unlink(missing_ok=True)

    def _path(self, run: RunId) -> Path:
        if not _RUN_ID.fullmatch(run):
            raise BadInput("not the id of a run")
        return self._folder / run[:2] / f"{run}.log.gz"


def _write(handle: int, pieces: Iterable[bytes]) -> tuple[int, ...]:
    members = [0]
    with os.fdopen(handle, "wb") as file:
        for piece in pieces:
            file.write(gzip.compress(piece, _LEVEL, mtime=0))
            members.append(file.tell())
        file.flush()
        os.fsync(file.fileno())
    return tuple(members)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


@contextmanager
def _troubles() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise Gone(f"the file of the log is missing: {error.filename}") from error
    except OSError as error:
        raise StoreBusy(f"logs: {error}") from error

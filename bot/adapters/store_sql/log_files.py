"""Closed logs on disk."""

import os
import re
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bot.domain import packing
from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.domain.runs import RunId

_RUN_ID: Final = re.compile(r"[A-Za-z0-9_-]+")


class LogFiles:
    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def pack(self, run: RunId, pieces: Iterable[bytes]) -> tuple[int, ...]:
        """As `packing.pack`.

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
        first, last = packing.place(members, start, end)
        with _troubles(), self._path(run).open("rb") as file:
            file.seek(first)
            packed = file.read(last - first)
        return packing.unpack(packed, start, end)

    def remove(self, run: RunId) -> None:
        with _troubles():
            self._path(run).unlink(missing_ok=True)

    def _path(self, run: RunId) -> Path:
        if not _RUN_ID.fullmatch(run):
            raise BadInput("not the id of a run")
        return self._folder / run[:2] / f"{run}.log.gz"


def _write(handle: int, pieces: Iterable[bytes]) -> tuple[int, ...]:
    with os.fdopen(handle, "wb") as file:
        members = packing.pack(file, pieces)
        file.flush()
        os.fsync(file.fileno())
    return members


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

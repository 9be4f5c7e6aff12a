"""Caches as files: FOLDER/REPOSITORY/SCOPE/DIGEST, whose time of change tells when they were used last."""

import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO, Final

from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.domain.refs import RepositoryId
from bot.domain.texts import size
from bot.faultpoints import faultpoint
from bot.ports.caches import CacheDigest, CacheKept, CacheName, CacheScope

_DIGEST: Final = re.compile(r"[0-9a-f]{64}")
_UNFINISHED: Final = "unfinished"


class FileCaches:
    def __init__(self, folder: Path, *, now: Callable[[], float], reserve: int = 0) -> None:
        """`now`: seconds since 1970. `reserve`: bytes of the disk that stay free; nothing is put below that."""
        self._folder, self._now, self._reserve = folder, now, reserve

    def open(self, name: CacheName) -> BinaryIO:
        with _troubles():
            file = self._path(name).open("rb")
            with suppress(OSError):  # it is removed at this moment
                os.utime(self._path(name), (self._now(), self._now()))
            return file

    def put(self, name: CacheName, pieces: Iterable[bytes], limit: int) -> bool:
        with _troubles():
            self._check_room()
            handle, aside = tempfile.mkstemp(dir=_made(self._folder / _UNFINISHED))
            try:
                _write(handle, pieces, limit)
                os.utime(aside, (self._now(), self._now()))
                faultpoint("caches.before_publish")
                return self._publish(Path(aside), name)
            finally:
                Path(aside).unlink(missing_ok=True)

    def remove(self, name: CacheName) -> None:
        with _troubles():
            self._path(name).unlink(missing_ok=True)

    def kept(self) -> Sequence[CacheKept]:
        with _troubles():
            found = sorted(self._found(), key=lambda one: (one[0], str(one[1])))
        return [kept for _, kept in found]

    def delete_unfinished(self, before: float) -> int:
        count = 0
        with _troubles():
            for path in (self._folder / _UNFINISHED).glob("*"):
                with suppress(FileNotFoundError):
                    if path.stat().st_mtime < before:
                        path.unlink()
                        count += 1
        return count

    def _found(self) -> Iterator[tuple[float, CacheKept]]:
        """With the time of their last use; what is no name of ours is left alone."""
        for path in self._folder.glob("*/*/*"):
            repository, scope, digest = path.parts[-3:]
            if not (repository.isdecimal() and scope in list(CacheScope) and _DIGEST.fullmatch(digest)):
                continue
            with suppress(FileNotFoundError):
                status = path.stat()
                name = CacheName(RepositoryId(int(repository)), CacheScope(scope), CacheDigest(digest))
                yield status.st_mtime, CacheKept(name, status.st_size)

    def _publish(self, aside: Path, name: CacheName) -> bool:
        """A second name for a whole file: whoever comes first has it, and nobody sees a part."""
        target = self._path(name)
        _made(target.parent)
        try:
            target.hardlink_to(aside)
        except FileExistsError:
            return False
        return True

    def _check_room(self) -> None:
        free = shutil.disk_usage(_made(self._folder)).free
        if free < self._reserve:
            raise StoreBusy(f"caches: only {size(free)} of the disk are free, {size(self._reserve)} are kept free")

    def _path(self, name: CacheName) -> Path:
        if not _DIGEST.fullmatch(name.digest):
            raise Gone("that is not the name of a cache")
        return self._folder / str(int(name.repository)) / CacheScope(name.scope).value / name.digest


def _write(handle: int, pieces: Iterable[bytes], limit: int) -> None:
    length = 0
    with os.fdopen(handle, "wb") as file:
        for piece in pieces:
            length += len(piece)
            if length > limit:
                raise BadInput(f"more than {size(limit)}")
            file.write(piece)
        file.flush()
        os.fsync(handle)


def _made(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


@contextmanager
def _troubles() -> Iterator[None]:
    try:
        yield
    except FileNotFoundError as error:
        raise Gone("there is no such cache") from error
    except OSError as error:
        raise StoreBusy(f"caches: {error}") from error

"""Contents of artifacts as files named by their SHA-256."""

import hashlib
import os
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from bot.domain.errors import BadInput, Gone, StoreBusy
from bot.domain.texts import size
from bot.ports.artifacts import Sha256, Stored, Stream

_PIECE: Final = 1 << 20
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_UNFINISHED: Final = "unfinished"


class FileArtifacts:
    def __init__(self, folder: Path, *, reserve: int = 0) -> None:
        """`reserve`: bytes of the disk that stay free; nothing is put below that."""
        self._folder = folder
        self._reserve = reserve

    def put(self, stream: Stream, limit: int) -> Stored:
        with _troubles():
            self._check_room()
            handle, name = tempfile.mkstemp(dir=self._made(self._folder / _UNFINISHED))
            path = Path(name)
            try:
                stored = _copied(stream, handle, limit)
                self._keep(path, stored.sha256)
            finally:
                path.unlink(missing_ok=True)
        return stored

    def read(self, sha256: Sha256, start: int, length: int) -> bytes:
        with _troubles(), self._path(sha256).open("rb") as file:
            file.seek(start)
            return file.read(length)

    def remove(self, sha256: Sha256, before: float) -> bool:
        """Taken aside first: a put may renew the file between a look at its time and its end."""
        with _troubles():
            path = self._path(sha256)
            aside = self._made(self._folder / _UNFINISHED) / f"removed-{sha256}"
            try:
                path.replace(aside)
            except FileNotFoundError:
                return False
            is_old = aside.stat().st_mtime < before
            if not is_old and not path.exists():
                path.hardlink_to(aside)
            aside.unlink(missing_ok=True)
        return is_old

    def delete_before(self, before: float, is_kept: Callable[[Sha256], bool]) -> int:
        with _troubles():
            names = [Sha256(path.name) for path in self._folder.glob("??/*") if _is_older(path, before)]
            for path in self._folder.glob(f"{_UNFINISHED}/*"):
                if _is_older(path, before):
                    path.unlink(missing_ok=True)
        return sum(self.remove(name, before) for name in names if _SHA256.fullmatch(name) and not is_kept(name))

    def _check_room(self) -> None:
        free = shutil.disk_usage(self._made(self._folder)).free
        if free < self._reserve:
            raise StoreBusy(f"artifacts: only {size(free)} of the disk are free, {size(self._reserve)} are kept free")

    def _keep(self, path: Path, sha256: Sha256) -> None:
        """Also when it is there already: the new file's time tells that somebody is about to refer to it."""
        target = self._path(sha256)
        self._made(target.parent)
        path.replace(target)
        _sync(target.parent)

    def _path(self, sha256: Sha256) -> Path:
        if not _SHA256.fullmatch(sha256):
            raise Gone("that is not the SHA-256 of an artifact")
        return self._folder / sha256[:2] / sha256

    @staticmethod
    def _made(folder: Path) -> Path:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        return folder


def _copied(stream: Stream, handle: int, limit: int) -> Stored:
    digest, length = hashlib.sha256(), 0
    with os.fdopen(handle, "wb") as file:
        while piece := stream.read(min(_PIECE, limit - length + 1)):
            length += len(piece)
            if length > limit:
                raise BadInput(f"more than {size(limit)}")
            digest.update(piece)
            file.write(piece)
        file.flush()
        os.fsync(handle)
    return Stored(Sha256(digest.hexdigest()), length)


def _is_older(path: Path, before: float) -> bool:
    try:
        return path.stat().st_mtime < before
    except FileNotFoundError:
        return False


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
        raise Gone(f"the content of the artifact is missing: {error.filename}") from error
    except OSError as error:
        raise StoreBusy(f"artifacts: {error}") from error

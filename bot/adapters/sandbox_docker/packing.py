"""Files of a workspace as an archive, and back into another one: no name leads out, no link is followed.

The archive is a tar file of regular files and links, without compression: it can't grow while it is read. It ends
with an entry of ours, so that one that was cut off is known. Whatever else a job left there stays behind.
"""

import contextlib
import os
import stat
import tarfile
from collections.abc import Callable, Generator, Iterator
from itertools import islice
from pathlib import Path
from typing import BinaryIO, Final, Self

from bot.adapters.sandbox_docker.collecting import FILE, FOLDER, opened
from bot.domain.errors import BadInput
from bot.domain.texts import size
from bot.ports.sandbox import FileLimits

Owner = tuple[int, int]

_END: Final = "//end"
_GIT: Final = ".git"
_BLOCK: Final = 512
_PIECE: Final = 1 << 20
_BROKEN: Final = "the archive is broken"


def pack(top: Path, wanted: Callable[[str], bool], limits: FileLimits) -> Iterator[bytes]:
    """See `Sandbox.pack`. Raises OSError for what can't be read."""
    descriptor = opened(top, FOLDER, None)
    try:
        walk = _Walk(wanted, limits)
        yield from walk.folder(descriptor, "", limits.depth)
        if not walk.count:
            raise BadInput("there are none of its files")
        yield _header(tarfile.TarInfo(_END)) + bytes(2 * _BLOCK)
    finally:
        os.close(descriptor)


class _Walk:
    """One walk, with what it has used up of its limits."""

    def __init__(self, wanted: Callable[[str], bool], limits: FileLimits) -> None:
        self._wanted, self._limits = wanted, limits
        self._looked_at = self._size = self.count = 0

    def folder(self, descriptor: int, prefix: str, depth: int) -> Iterator[bytes]:
        for name in self._names(descriptor):
            path = prefix + name
            status = os.lstat(name, dir_fd=descriptor)
            if stat.S_ISDIR(status.st_mode):
                if path != _GIT:
                    yield from self._inner(descriptor, name, path, depth)
            elif self._wanted(path):
                yield from self._entry(descriptor, name, path, status)

    def _names(self, descriptor: int) -> list[str]:
        with os.scandir(descriptor) as entries:
            names = [entry.name for entry in islice(entries, self._limits.looked_at - self._looked_at + 1)]
        self._looked_at += len(names)
        if self._looked_at > self._limits.looked_at:
            raise BadInput("there are too many files to look at")
        return sorted(names)

    def _inner(self, folder: int, name: str, path: str, depth: int) -> Iterator[bytes]:
        if not depth:
            raise BadInput("its folders are nested too deep")
        descriptor = opened(name, FOLDER, folder)
        try:
            yield from self.folder(descriptor, f"{path}/", depth - 1)
        finally:
            os.close(descriptor)

    def _entry(self, folder: int, name: str, path: str, status: os.stat_result) -> Iterator[bytes]:
        if not stat.S_ISLNK(status.st_mode) and not stat.S_ISREG(status.st_mode):
            return
        self.count += 1
        self._size += status.st_size
        if self.count > self._limits.count:
            raise BadInput(f"there are more than {self._limits.count} files")
        if self._size > self._limits.size:
            raise BadInput(f"more than {size(self._limits.size)}")
        info = tarfile.TarInfo(path)
        info.mtime = int(status.st_mtime)
        if stat.S_ISLNK(status.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=folder)
            yield _header(info)
            return
        info.mode = 0o755 if status.st_mode & stat.S_IXUSR else 0o644
        yield from _content(folder, name, info)


def _content(folder: int, name: str, info: tarfile.TarInfo) -> Iterator[bytes]:
    with os.fdopen(opened(name, FILE, folder), "rb", buffering=0) as file:
        info.size = left = os.fstat(file.fileno()).st_size
        yield _header(info)
        while left:
            piece = file.read(min(_PIECE, left))
            if not piece:
                raise BadInput("a file shrank while it was read")
            left -= len(piece)
            yield piece
    if rest := info.size % _BLOCK:
        yield bytes(_BLOCK - rest)


def _header(info: tarfile.TarInfo) -> bytes:
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "surrogateescape")


def unpack(
    top: Path, archive: BinaryIO, wanted: Callable[[str], bool], limits: FileLimits, owner: Owner | None
) -> Generator[int, None, None]:
    """See `Sandbox.unpack`. Gives the bytes of each entry as it comes, so that the caller may stop in between.

    When it ends early, for whatever reason, nothing of the archive stays.
    """
    with _Place(top, owner) as place:
        try:
            yield from _entries(place, archive, wanted, limits)
        except (tarfile.TarError, EOFError, ValueError) as error:
            place.clear()
            raise BadInput(f"{_BROKEN}: {error}") from error
        except BaseException:
            place.clear()
            raise


def _entries(place: "_Place", archive: BinaryIO, wanted: Callable[[str], bool], limits: FileLimits) -> Iterator[int]:
    count = total = 0
    with tarfile.open(fileobj=archive, mode="r|", encoding="utf-8", errors="surrogateescape") as tar:
        for info in tar:
            if info.name == _END:
                return
            count, total = count + 1, total + info.size
            if count > limits.count or total > limits.size:
                raise BadInput(f"it has more than {limits.count} files or {size(limits.size)}")
            if not set(info.name.split("/")).isdisjoint(("", ".", "..")) or info.name.startswith(f"{_GIT}/"):
                raise BadInput(f"{_BROKEN}: a name leads elsewhere")
            if wanted(info.name):
                place.put(info, tar)
            yield info.size
    raise BadInput(f"{_BROKEN}: its end is missing")


class _Place:
    """The sources of an attempt that has not begun: only we write there, but what is there is hostile."""

    def __init__(self, top: Path, owner: Owner | None) -> None:
        self._top, self._owner = top, owner
        self._open: dict[str, int] = {}
        """The folders on the way to the last file, by their paths."""
        self._made: list[str] = []
        """Paths of what we made, of folders with a slash at the end."""

    def __enter__(self) -> Self:
        self._open[""] = opened(self._top, FOLDER, None)
        return self

    def __exit__(self, *_: object) -> None:
        for descriptor in self._open.values():
            os.close(descriptor)

    def put(self, info: tarfile.TarInfo, tar: tarfile.TarFile) -> None:
        """What is there already stays, and what stands in a folder's place too."""
        above, _, name = info.name.rpartition("/")
        with contextlib.suppress(FileExistsError, NotADirectoryError):
            folder = self._folder(above, make=True)
            if info.issym():
                os.symlink(info.linkname, name, dir_fd=folder)
                self._note(info.name, name, folder)
            elif info.isreg():
                self._file(info, tar, folder, name)
            else:
                raise BadInput(f"{_BROKEN}: it has more than files and links")

    def clear(self) -> None:
        """Remove what we made; folders only when nothing else came into them."""
        for path in reversed(self._made):
            above, _, name = path.removesuffix("/").rpartition("/")
            with contextlib.suppress(OSError):
                folder = self._folder(above, make=False)
                if path.endswith("/"):
                    os.rmdir(name, dir_fd=folder)
                else:
                    os.unlink(name, dir_fd=folder)

    def _file(self, info: tarfile.TarInfo, tar: tarfile.TarFile, folder: int, name: str) -> None:
        descriptor = os.open(
            name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o644, dir_fd=folder
        )
        self._note(info.name, name, folder)
        with os.fdopen(descriptor, "wb") as file:
            content = tar.extractfile(info)
            while content and (piece := content.read(_PIECE)):
                file.write(piece)
            file.flush()
            os.fchmod(descriptor, 0o755 if info.mode & stat.S_IXUSR else 0o644)
            os.utime(descriptor, (info.mtime, info.mtime))

    def _folder(self, path: str, *, make: bool) -> int:
        """Each part of the way is opened from the one before, and is no link."""
        for known in [one for one in self._open if one and path != one and not path.startswith(f"{one}/")]:
            os.close(self._open.pop(known))
        here = ""
        for part in path.split("/") if path else ():
            folder, here = self._open[here], f"{here}/{part}" if here else part
            if here not in self._open:
                if make:
                    self._make_folder(here, part, folder)
                self._open[here] = opened(part, FOLDER, folder)
        return self._open[path]

    def _make_folder(self, path: str, name: str, folder: int) -> None:
        with contextlib.suppress(FileExistsError):
            os.mkdir(name, 0o755, dir_fd=folder)
            self._note(f"{path}/", name, folder)

    def _note(self, path: str, name: str, folder: int) -> None:
        self._made.append(path)
        if self._owner:
            os.chown(name, *self._owner, dir_fd=folder, follow_symlinks=False)

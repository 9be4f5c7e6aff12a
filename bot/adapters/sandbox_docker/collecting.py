"""Files out of a workspace, in whatever state a job left it: no link followed, only regular files opened."""

import contextlib
import io
import os
import stat
from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path
from typing import Final

from bot.ports.sandbox import FileLimits, Found, Skipped

FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_LONGEST_PATH: Final = 4096
_ASTRAL: Final = 1 << 16
_KINDS: Final = {
    stat.S_IFLNK: "a symbolic link",
    stat.S_IFIFO: "a FIFO",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def collect(top: Path, wanted: Callable[[str], bool], limits: FileLimits) -> Iterator[Found | Skipped]:
    """See `Sandbox.files`."""
    with contextlib.ExitStack() as open_ones:
        try:
            descriptor = opened(top, FOLDER, None)
        except FileNotFoundError:
            return
        except OSError as error:
            yield Skipped(".", f"the folder of the sources can't be read: {error.strerror}")
            return
        open_ones.callback(os.close, descriptor)
        yield from _Walk(wanted, limits).folder(descriptor, "", limits.depth)


class _Walk:
    """One walk, with what is left of its limits."""

    def __init__(self, wanted: Callable[[str], bool], limits: FileLimits) -> None:
        self._wanted = wanted
        self._count, self._size, self._looked_at = limits.count, limits.size, limits.looked_at
        self._over = False

    def folder(self, descriptor: int, prefix: str, depth: int) -> Iterator[Found | Skipped]:
        for name in self._names(descriptor):
            if self._over:
                return
            yield from self._entry(descriptor, name, prefix + name, depth)
        if self._looked_at < 0 and not self._over:
            self._over = True
            yield Skipped(
                shown(prefix) or ".", "there are too many files to look at, this and what follows is left out"
            )

    def _names(self, descriptor: int) -> list[str]:
        """Sorted; no more than may still be looked at, and one that tells so."""
        with os.scandir(descriptor) as entries:
            names = [entry.name for entry in islice(entries, self._looked_at + 1)]
        self._looked_at -= len(names)
        return sorted(names)

    def _entry(self, folder: int, name: str, path: str, depth: int) -> Iterator[Found | Skipped]:
        try:
            kind = stat.S_IFMT(os.lstat(name, dir_fd=folder).st_mode)
            if kind == stat.S_IFDIR:
                yield from self._inner(folder, name, path, depth)
            elif self._wanted(path):
                yield from self._file(folder, name, path) if kind == stat.S_IFREG else _special(path, kind)
        except OSError as error:
            yield Skipped(shown(path), f"it can't be read: {error.strerror}")

    def _inner(self, folder: int, name: str, path: str, depth: int) -> Iterator[Found | Skipped]:
        if not depth or len(os.fsencode(path)) > _LONGEST_PATH:
            yield Skipped(shown(path)[:_LONGEST_PATH], "its folders are nested too deep")
            return
        descriptor = opened(name, FOLDER, folder)
        try:
            yield from self.folder(descriptor, f"{path}/", depth - 1)
        finally:
            os.close(descriptor)

    def _file(self, folder: int, name: str, path: str) -> Iterator[Found | Skipped]:
        descriptor = opened(name, FILE, folder)
        with os.fdopen(descriptor, "rb", buffering=0) as file:
            status = os.fstat(descriptor)
            if not stat.S_ISREG(status.st_mode):
                yield Skipped(shown(path), "it is no regular file")
            elif not self._count:
                self._over = True
                yield Skipped(shown(path), "there are too many files, this and what follows is left out")
            elif status.st_size > self._size:
                yield Skipped(shown(path), f"its {status.st_size} bytes are more than the {self._size} that are left")
            else:
                self._count, self._size = self._count - 1, self._size - status.st_size
                with io.BufferedReader(_Bounded(file, status.st_size)) as content:
                    yield Found(shown(path), status.st_size, content)


class _Bounded(io.RawIOBase):
    """The first bytes of a file, however it grows."""

    def __init__(self, file: io.FileIO, size: int) -> None:
        self._file, self._left = file, size

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]  # what BufferedReader gives
        piece = self._file.read(min(len(buffer), self._left)) or b""
        buffer[: len(piece)] = piece
        self._left -= len(piece)
        return len(piece)


def _special(path: str, kind: int) -> Iterator[Skipped]:
    yield Skipped(shown(path), f"it is {_KINDS.get(kind, 'no regular file')}")


def opened(path: Path | str, flags: int, folder: int | None) -> int:
    return os.open(path, flags, dir_fd=folder)


def shown(path: str) -> str:
    """Different paths stay different: a backslash is doubled."""
    return "".join(character if _is_plain(character) else _escaped(character) for character in path)


def _is_plain(character: str) -> bool:
    return character.isprintable() and character != "\\"


def _escaped(character: str) -> str:
    r"""`\x…` stands for a byte that is no UTF-8, which Python keeps as a low surrogate; `\u…` for a character."""
    if character == "\\":
        return "\\\\"
    try:
        character.encode()
    except UnicodeEncodeError:
        return f"\\x{os.fsencode(character).hex()}"
    number = ord(character)
    return f"\\u{number:04x}" if number < _ASTRAL else f"\\U{number:08x}"

"""The attempts' folders on disk: made, measured and removed, however a job has left them."""

import os
import secrets
import shutil
import subprocess
import threading
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Final, Self

import structlog

log = structlog.get_logger()

_SMALL: Final = 4096
"""Bytes that a file counts at least: millions of empty files fill a disk as well."""
_CHOWN: Final = shutil.which("chown") or "/usr/bin/chown"
_DU: Final = shutil.which("du") or "/usr/bin/du"


def make(folder: Path, names: Iterable[str], owner: tuple[int, int] | None) -> None:
    """The folder, the worker's, and in it empty ones that are the job's user's."""
    folder.mkdir(mode=0o755, parents=True)
    folder.chmod(0o755)
    for name in names:
        (folder / name).mkdir(mode=0o755)
        if owner:
            os.chown(folder / name, *owner)


def hand_over(folder: Path, names: Iterable[str], owner: tuple[int, int]) -> None:
    """All that is in it becomes the owner's; links themselves, not what they lead to. Only root can.

    On this machine none but root and the owner's group get into it: a job that runs as a user of the machine can
    leave programs there that run as that user.
    """
    user, group = owner
    places = [str(folder / name) for name in names]
    command = [_CHOWN, "--recursive", "--no-dereference", f"{user}:{group}", "--", *places]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - no shell, our own paths
    if done.returncode:
        raise OSError(done.stderr.decode(errors="replace").strip())
    os.chown(folder, -1, group)
    folder.chmod(0o750)


def remove(folder: Path) -> None:
    """Remove it with all that is in it; no link is followed, nothing there is fine.

    Deeper folders are moved up before they are emptied: a job can nest them deeper than any path or recursion may be.
    """
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    pending = [folder]
    while pending:
        place = pending.pop()
        place.chmod(0o700)
        pending += [_up(inner, folder) for inner in _emptied(place)]
        if place != folder:
            place.rmdir()
    folder.rmdir()


def _emptied(place: Path) -> Iterator[Path]:
    """Unlink everything but the folders in it, and give those."""
    with os.scandir(place) as entries:
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                yield place / entry.name
            else:
                os.unlink(entry.path)  # noqa: PTH108 - a Path for each of a million files is slow


def _up(inner: Path, top: Path) -> Path:
    if inner.parent == top:
        return inner
    inner.chmod(0o700)
    return inner.rename(top / secrets.token_hex(16))


def exceeds(folder: Path, limit: int) -> bool:
    """Does it take more than that many bytes of the disk? `du` measures: at any depth, and not in our process.

    What can't be measured within a minute is too much.
    """
    try:
        return _measured(folder, "--block-size=1") > limit or _measured(folder, "--inodes") > limit // _SMALL
    except subprocess.TimeoutExpired:
        return True


def _measured(folder: Path, unit: str) -> int:
    """The total stands first; files that vanish meanwhile make `du` complain and go on."""
    command = [_DU, "--summarize", "--one-file-system", unit, "--", str(folder)]
    done = subprocess.run(command, capture_output=True, timeout=60, check=False)  # noqa: S603 - no shell, our own path
    total = done.stdout.split(maxsplit=1)[:1]
    return int(total[0]) if total else 0


class SizeWatch(threading.Thread):
    """Measures a folder every few seconds while a job runs."""

    def __init__(self, folder: Path, limit: int, every: float, beside: Callable[[], bool] | None = None) -> None:
        """`beside` tells whether something outside of the folder takes too much."""
        super().__init__(name="sandbox-size", daemon=True)
        self._folder, self._limit, self._every, self._beside = folder, limit, every, beside
        self._closed = threading.Event()
        self.exceeded = False

    def run(self) -> None:
        while not self.exceeded and not self._closed.wait(self._every):
            self.exceeded = exceeds(self._folder, self._limit) or (self._beside is not None and self._beside())
        if self.exceeded:
            log.info("sandbox.folder_too_large", folder=self._folder.name, limit=self._limit)

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed.set()

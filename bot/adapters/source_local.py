"""The folder that somebody works in: its files as they are, and what git knows about it."""

import contextlib
import os
import re
import shutil
import stat
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final, Self
from urllib.parse import quote

from bot.domain.errors import SourceRefused, SourceUnavailable

OURS: Final = ".assay"
"""The folder at the root that holds our logs and workspaces: never part of the sources."""
_DEPTH: Final = 50
"""Commits, as many as a run of the server gets."""
_HEAD: Final = "refs/assay/head"
_ASK: Final = 0.05
"""Seconds between two questions whether to stop."""
_SETTINGS: Final = (
    "core.hooksPath=/dev/null",
    "core.logAllRefUpdates=false",
    "fetch.recurseSubmodules=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "protocol.file.allow=always",
)
_REMOTE: Final = re.compile(r"(?P<path>[^/:\s]+/[^/:\s]+?)(?:\.git)?/?$")


class WorkTree:
    def __init__(self, root: Path, *, has_git: bool) -> None:
        self.root = root
        self._has_git = has_git

    @classmethod
    def around(cls, folder: Path) -> Self:
        """The whole repository that the folder belongs to, or the folder alone when none does.

        Raises:
            SourceRefused: there is a repository, but git does not want to work with it.
        """
        folder = folder.absolute()
        done = _git(folder, "rev-parse", "--show-toplevel")
        if done is not None and done.returncode == 0:
            return cls(Path(os.fsdecode(done.stdout.removesuffix(b"\n"))), has_git=True)
        if done is not None and any((above / ".git").exists() for above in (folder, *folder.parents)):
            raise SourceRefused(f"git: {_words(done)}")
        return cls(folder, has_git=False)

    @property
    def commit(self) -> str:
        """Id of the commit that is checked out; empty: there is none."""
        return self._line("rev-parse", "--verify", "--quiet", "HEAD^{commit}")

    @property
    def branch(self) -> str:
        return self._line("symbolic-ref", "--quiet", "--short", "HEAD")

    @property
    def message(self) -> str:
        """The commit's whole message."""
        return self._text("log", "-1", "--format=%B")

    @property
    def path(self) -> str:
        """`owner/name` of the remote `origin`, or the folder's name."""
        found = _REMOTE.search(self._line("config", "--get", "remote.origin.url"))
        return found["path"] if found else self.root.name

    @property
    def default_branch(self) -> str:
        """As the remote `origin` had it when it was cloned; empty: unknown."""
        return self._line("symbolic-ref", "--quiet", "--short", "refs/remotes/origin/HEAD").removeprefix("origin/")

    def base(self, branch: str) -> str:
        """The commit where the present one left that branch, its remote one first; empty: nobody knows."""
        for name in (f"refs/remotes/origin/{branch}", branch):
            if found := self._line("merge-base", "--end-of-options", name, "HEAD"):
                return found
        return ""

    def changed_since(self, commit: str) -> tuple[str, ...]:
        """Paths that differ between it and the present commit, both names of renamed files among them."""
        done = self._run("diff", "--name-only", "--no-renames", "-z", f"{commit}...HEAD", "--")
        return tuple(os.fsdecode(path) for path in done.split(b"\0") if path)

    def copy(self, folder: Path, should_stop: Callable[[], bool], *, owner: tuple[int, int] | None = None) -> None:
        """Put what would be committed, as it is now, into the empty folder: ignored files stay behind.

        Links are copied as links; what is neither a link nor a file (a pipe, a repository within) is left out.
        A `.git` of its own holds the last commits and their tags, and nothing else of the repository: no remote, no
        hook, no setting.

        `owner`: user and group who get it; None: they have it already.

        Raises:
            SourceUnavailable: `should_stop` said yes. SourceRefused: a file can't be read.
        """
        try:
            for path in self._files():
                if should_stop():
                    raise SourceUnavailable("copying the sources was stopped")
                _copy(self.root / path, folder / path)
            if self._has_git:
                _give_history(self.root, folder, should_stop)
            if owner:
                _hand_over(folder, owner)
        except OSError as error:
            raise SourceRefused(f"copying the sources: {error}") from error

    def _files(self) -> Iterator[str]:
        paths = self._listed() if self._has_git else _walked(self.root)
        return (path for path in paths if path.split("/", 1)[0] not in (OURS, ".git") and self._is_reached(path))

    def _listed(self) -> Iterator[str]:
        listed = self._run("ls-files", "--cached", "--others", "--exclude-standard", "-z")
        return (os.fsdecode(path) for path in sorted(set(listed.split(b"\0"))) if path)

    def _is_reached(self, path: str) -> bool:
        """Git lists files that are gone; one below a link is elsewhere, and its copy would be written there."""
        above = path.split("/")[:-1]
        return not any((self.root / "/".join(above[: count + 1])).is_symlink() for count in range(len(above)))

    def _line(self, *args: str) -> str:
        return self._text(*args).strip()

    def _text(self, *args: str) -> str:
        done = _git(self.root, *args) if self._has_git else None
        return done.stdout.decode(errors="replace") if done is not None and done.returncode == 0 else ""

    def _run(self, *args: str) -> bytes:
        done = _git(self.root, *args)
        if done is None or done.returncode:
            raise SourceRefused(f"git {args[0]}: {_words(done)}")
        return done.stdout


def _git(folder: Path, *args: str) -> subprocess.CompletedProcess[bytes] | None:
    """None: there is no git on this machine."""
    program = shutil.which("git")
    if program is None:
        return None
    command = [program, "-C", str(folder), *args]
    return subprocess.run(command, capture_output=True, stdin=subprocess.DEVNULL, check=False)  # noqa: S603 - no shell


def _give_history(root: Path, folder: Path, should_stop: Callable[[], bool]) -> None:
    """Make the folder a work tree whose HEAD is that of `root`; its files stay as they are.

    Raises:
        SourceUnavailable: `should_stop` said yes. SourceRefused: git can't.
    """
    _git_in(folder, should_stop, "init", "--quiet", "--template=")
    if _line_in(root, "rev-parse", "--verify", "--quiet", "HEAD^{commit}"):
        there = f"file://{quote(str(root))}"
        _git_in(folder, should_stop, "fetch", "--quiet", f"--depth={_DEPTH}", "--", there, f"+HEAD:{_HEAD}")
        _git_in(folder, should_stop, "update-ref", "--no-deref", "HEAD", _HEAD)
        _git_in(folder, should_stop, "update-ref", "-d", _HEAD)
        _git_in(folder, should_stop, "reset", "--quiet")
    (folder / ".git/FETCH_HEAD").unlink(missing_ok=True)


def _git_in(folder: Path, should_stop: Callable[[], bool], *args: str) -> None:
    """Told where it works, git does not ask whose the folder is; nothing of a repository is run."""
    program = shutil.which("git") or "git"
    place = (f"--git-dir={folder / '.git'}", f"--work-tree={folder}")
    settings = (word for setting in _SETTINGS for word in ("-c", setting))
    command = [program, "-C", str(folder), *place, *settings, *args]
    with tempfile.TemporaryFile() as words:
        with subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=words, stderr=words) as process:  # noqa: S603 - no shell
            while process.poll() is None:
                if should_stop():
                    process.terminate()
                    raise SourceUnavailable("copying the sources was stopped")
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process.wait(_ASK)
        if process.returncode:
            words.seek(0)
            raise SourceRefused(f"git {args[0]}: {words.read(4096).decode(errors='replace').strip()}")


def _line_in(root: Path, *args: str) -> str:
    done = _git(root, *args)
    return done.stdout.decode(errors="replace").strip() if done is not None and done.returncode == 0 else ""


def _words(done: subprocess.CompletedProcess[bytes] | None) -> str:
    return done.stderr.decode(errors="replace").strip() if done is not None else "is not installed"


def _walked(root: Path) -> Iterator[str]:
    for place, folders, files in os.walk(root):
        folders.sort()
        links = [name for name in folders if Path(place, name).is_symlink()]
        for name in sorted([*files, *links]):
            yield os.path.relpath(os.path.join(place, name), root)  # noqa: PTH118 - a Path for each of many is slow


def _copy(source: Path, target: Path) -> None:
    """As git would check it out: of the mode only whether it can be executed."""
    try:
        mode = source.lstat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return
    if not stat.S_ISLNK(mode) and not stat.S_ISREG(mode):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target, follow_symlinks=False)
    if stat.S_ISREG(mode):
        target.chmod(0o755 if mode & stat.S_IXUSR else 0o644)


def _hand_over(folder: Path, owner: tuple[int, int]) -> None:
    """Links themselves, not what they lead to."""
    for place, folders, files in os.walk(folder):
        for name in (*folders, *files):
            os.chown(os.path.join(place, name), *owner, follow_symlinks=False)  # noqa: PTH118 - as above

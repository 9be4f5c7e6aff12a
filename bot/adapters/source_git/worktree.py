"""From a commit in the mirror to a work tree with a `.git` of its own."""

import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Final

from bot.adapters.source_git.git import Call, Owner, Patience, run
from bot.adapters.source_git.mirror import DEPTH, Mirror
from bot.domain.errors import SourceRefused
from bot.domain.refs import Sha

_MOST_FILES: Final = 500_000
"""With their folders."""
_MOST_COMMITS: Final = 10_000
"""Looked through for the last ones; a mirror that was never filled up whole has far fewer."""
_LONGEST_PATH: Final = 4_000
"""Bytes; the kernel takes 4,095 with the folder before it."""
_LONGEST_NAME: Final = 255
_FACTS: Final = 128
"""More bytes than mode, kind, id and size take before a path."""
_SHA1: Final = 40
"""Hexadecimal digits."""
_CONFIG_SHA1: Final = """\
[core]
\trepositoryformatversion = 0
\tfilemode = true
\tbare = false
\tlogallrefupdates = true
"""
_CONFIG_SHA256: Final = f"{_CONFIG_SHA1.replace('= 0', '= 1')}[extensions]\n\tobjectformat = sha256\n"
_UNSYNCED: Final = (("core.fsync", "none"),)
"""A work tree that a crash damages is made anew."""


class Sizes:
    """Reads `ls-tree -r -t -l -z` as it comes and refuses at the first excess, so that a tree bomb costs nothing."""

    def __init__(self, sha: Sha, size_limit: int) -> None:
        self._sha = sha
        self._size_limit = size_limit
        self._rest = b""
        self._files = 0
        self._bytes = 0
        self._longest = 0

    def read(self, piece: bytes) -> None:
        """Raises: SourceRefused."""
        *entries, self._rest = (self._rest + piece).split(b"\0")
        self._files += len(entries)
        for entry in entries:
            facts, _, path = entry.partition(b"\t")
            size = facts.rpartition(b" ")[2]
            self._bytes += int(size) if size.isdigit() else 0
            self._longest = max(self._longest, len(path))
            if len(path) > _LONGEST_NAME and max(map(len, path.split(b"/"))) > _LONGEST_NAME:
                self._refuse(f"a file's name has more than {_LONGEST_NAME} bytes")
        if max(self._longest, len(self._rest) - _FACTS) > _LONGEST_PATH:
            self._refuse(f"a path has more than {_LONGEST_PATH:,} bytes")
        if self._files > _MOST_FILES:
            self._refuse(f"more than {_MOST_FILES:,} files")
        if self._bytes > self._size_limit:
            self._refuse(f"more than {self._size_limit:,} bytes")

    def _refuse(self, excess: str) -> None:
        raise SourceRefused(f"commit {self._sha} is too large: {excess}")


def lay_out(mirror: Mirror, sha: Sha, folder: Path, owner: Owner | None, patience: Patience) -> None:
    """Under `reading`. The files belong to `owner`, and so does the folder.

    The objects are copied into a pack of the work tree's own: hostile code that gets the folder finds no way back
    to the mirror, neither a hard link nor an alternate. git writes the files as the owner where that user can reach
    the folder; below a private folder it writes as ourselves and the files are handed over afterwards.

    Raises:
        GitFailed: above all when the mirror is damaged.
    """
    if owner:
        os.chown(folder, *owner)
    writer = owner if owner and _can_reach(owner, folder) else None
    git = Call(cwd=folder, git_dir=folder / ".git", patience=patience, config=_UNSYNCED, owner=writer)
    _init(folder / ".git", sha)
    _fill(mirror, sha, folder / ".git")
    if owner:
        _hand_over(folder / ".git", owner)
    run(git, "checkout", "--quiet", "--detach", sha, "--")
    if owner and not writer:
        _hand_over(folder, owner)


def _init(git_dir: Path, sha: Sha) -> None:
    """What `git init` makes in several times the time of all the rest."""
    for name in ("objects/pack", "refs/heads", "refs/tags"):
        (git_dir / name).mkdir(parents=True)
    (git_dir / "HEAD").write_text("ref: refs/heads/main\n")
    (git_dir / "config").write_text(_CONFIG_SHA1 if len(sha) == _SHA1 else _CONFIG_SHA256)


def _fill(mirror: Mirror, sha: Sha, git_dir: Path) -> None:
    """The last commits with all that belongs to them, as one pack."""
    listed = mirror.run("rev-list", "--parents", f"--max-count={_MOST_COMMITS}", "--end-of-options", sha).decode()
    parents = {commit: rest for commit, *rest in map(str.split, listed.splitlines())}
    kept, cut = cut_history(parents, sha, DEPTH)
    wants = "".join(f"--shallow {commit}\n" for commit in cut) + f"{sha}\n"
    pack = (
        "pack-objects",
        "--quiet",
        "--revs",
        "--window=0",
        "--delta-base-offset",
        str(git_dir / "objects/pack/pack"),
    )
    mirror.run(*pack, stdin=wants.encode(), config=_UNSYNCED)
    if edge := cut | (mirror.shallow() & kept):
        (git_dir / "shallow").write_text("".join(f"{commit}\n" for commit in sorted(edge)))


def cut_history(parents: Mapping[str, Sequence[str]], sha: str, depth: int) -> tuple[set[str], set[str]]:
    """The commits on the shortest ways of `depth` commits from `sha`, and those of them that lose their parents.

    Git can only cut off all parents of a commit, so one whose parents are not all known loses the known ones too.
    """
    kept, cut, row = {sha}, set[str](), {sha}
    for step in range(depth):
        ends = {one for one in row if step == depth - 1 or not parents.keys() >= set(parents[one])}
        cut |= {one for one in ends if parents[one]}
        row = {parent for one in row - ends for parent in parents[one]} - kept
        kept |= row
    return kept, cut


def _can_reach(owner: Owner, folder: Path) -> bool:
    """Git resolves its folder from the root on: every folder above must let the owner through."""
    return os.geteuid() == owner[0] or all(above.stat().st_mode & 0o001 for above in folder.resolve().parents)


def _hand_over(folder: Path, owner: Owner) -> None:
    """Links themselves, not what they lead to. Nobody else has touched the folder yet."""
    for _, folders, files, descriptor in os.fwalk(folder):
        for name in (*folders, *files):
            os.chown(name, *owner, dir_fd=descriptor, follow_symlinks=False)
    os.chown(folder, *owner, follow_symlinks=False)

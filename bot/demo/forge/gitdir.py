"""One bare repository on disk, written and read with git's plumbing."""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

ZERO: Final = "0" * 40
ENVIRONMENT: Final = {
    "PATH": os.defpath,
    "HOME": "/nonexistent",
    "LC_ALL": "C.UTF-8",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": os.devnull,
}
_CONFIG: Final = """[core]
\trepositoryformatversion = 0
\tbare = true
[uploadpack]
\tallowAnySHA1InWant = true
\tallowReachableSHA1InWant = true
\tallowFilter = true
[safe]
\tbareRepository = all
[gc]
\tauto = 0
"""
_LOG: Final = "--format=%x01%H%x02%T%x02%P%x02%an%x02%ae%x02%aI%x02%B%x02"
_SHA: Final = re.compile(r"[0-9a-f]{40}")


class GitFailed(Exception):
    """git ended with an error; the text is git's own."""


@dataclass(frozen=True, slots=True)
class ChangedFile:
    path: str
    status: str
    """GitHub's word: `added`, `modified`, `removed` or `renamed`."""
    previous: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    name: str
    email: str
    date: str
    message: str
    files: tuple[ChangedFile, ...]


@dataclass(frozen=True, slots=True)
class Entry:
    """A line of a tree; `size` only of blobs."""

    mode: str
    kind: str
    sha: str
    size: int
    path: str


def git(*arguments: str, cwd: Path | None = None, stdin: bytes = b"") -> bytes:
    """Raises: GitFailed."""
    done = subprocess.run(  # noqa: S603  # a fixed program, an argument list and no shell
        ["git", *arguments],  # noqa: S607  # found on the operating system's own path, see ENVIRONMENT
        cwd=cwd,
        input=stdin,
        capture_output=True,
        env=ENVIRONMENT,
        check=False,
        timeout=60,
    )
    if done.returncode:
        raise GitFailed(done.stderr.decode(errors="replace").strip())
    return done.stdout


class GitDir:
    def __init__(self, path: Path) -> None:
        self.path = path

    @classmethod
    def create(cls, path: Path, default_branch: str) -> "GitDir":
        for folder in ("objects", "refs/heads", "refs/tags"):
            (path / folder).mkdir(parents=True)
        (path / "HEAD").write_text(f"ref: refs/heads/{default_branch}\n")
        (path / "config").write_text(_CONFIG)
        return cls(path)

    def git(self, *arguments: str, stdin: bytes = b"") -> bytes:
        return git(f"--git-dir={self.path}", *arguments, stdin=stdin)

    def resolve(self, name: str) -> str | None:
        """The commit that a branch, tag or full commit id stands for."""
        for ref in [name] if _SHA.fullmatch(name) else [f"refs/heads/{name}", f"refs/tags/{name}", name]:
            try:
                return (
                    self.git("rev-parse", "--verify", "--quiet", "--end-of-options", f"{ref}^{{commit}}")
                    .decode()
                    .strip()
                )
            except GitFailed:
                continue
        return None

    def commit(
        self,
        branch: str,
        files: Mapping[str, str | bytes | None],
        message: str,
        *,
        author: tuple[str, str],
        at: int,
        parent: str | None,
    ) -> str:
        """Put one commit on top of `parent` and the branch onto it; None as a file's content removes the file."""
        ref = f"refs/heads/{branch}"
        name, email = author
        head = f"commit {ref}\nmark :1\ncommitter {name} <{email}> {at} +0000\n".encode()
        stream = [head, _data(message.encode())]
        if parent:
            stream.append(f"from {parent}\n".encode())
        stream += [_file_line(path, content) for path, content in files.items()]
        stream.append(b"\nget-mark :1\n")
        return self.git("fast-import", "--quiet", "--force", stdin=b"".join(stream)).decode().strip()

    def merge(self, base: str, head: str, message: str, *, author: tuple[str, str], at: int) -> str:
        """A merge commit that no branch has. Raises: GitFailed: there is a conflict."""
        tree = self.git("merge-tree", "--write-tree", base, head).decode().strip()
        name, email = author
        lines = [f"tree {tree}", f"parent {base}", f"parent {head}"]
        lines += [f"{role} {name} <{email}> {at} +0000" for role in ("author", "committer")]
        body = "\n".join([*lines, "", message]).encode()
        return self.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=body).decode().strip()

    def branch_at(self, sha: str) -> str | None:
        """The first branch that points to that very commit."""
        out = self.git(
            "for-each-ref", "--count=1", "--format=%(refname:lstrip=2)", f"--points-at={sha}", "refs/heads"
        )
        return out.decode().strip() or None

    def set_ref(self, ref: str, sha: str | None) -> None:
        if sha is None:
            self.git("update-ref", "-d", ref)
        else:
            self.git("update-ref", ref, sha)

    def annotate(self, tag: str, sha: str, *, author: tuple[str, str], at: int, message: str) -> str:
        """Make a tag object; gives its own id, which is not the commit's."""
        name, email = author
        body = f"object {sha}\ntype commit\ntag {tag}\ntagger {name} <{email}> {at} +0000\n\n{message}\n"
        return self.git("mktag", stdin=body.encode()).decode().strip()

    def take(self, other: "GitDir", sha: str, ref: str) -> None:
        """Fetch a commit of another repository, as a fork's head gets into its parent."""
        self.git("fetch", "--quiet", "--no-tags", str(other.path), f"+{sha}:{ref}")

    def log(self, *revisions: str, limit: int) -> list[Commit]:
        """Newest first, with the files that each commit changed against its first parent."""
        out = self.git(
            "log",
            "-z",
            "-m",
            "--first-parent",
            "--name-status",
            "--root",
            f"--max-count={limit}",
            _LOG,
            *revisions,
            "--",
        )
        return [_commit(part) for part in out.decode(errors="surrogateescape").split("\x01")[1:]]

    def merge_base(self, left: str, right: str) -> str | None:
        try:
            return self.git("merge-base", left, right).decode().strip()
        except GitFailed:
            return None

    def ahead_behind(self, base: str, head: str) -> tuple[int, int]:
        behind, ahead = self.git("rev-list", "--left-right", "--count", f"{base}...{head}").split()
        return int(ahead), int(behind)

    def diff(self, base: str, head: str) -> list[ChangedFile]:
        out = self.git("diff", "--name-status", "-z", "-M", base, head, "--")
        return _changed(out.decode(errors="surrogateescape").split("\0"))

    def tree(self, commit: str, path: str) -> list[Entry]:
        """The entry at a path; with a `/` at its end (or an empty path) what is in that folder."""
        out = self.git("ls-tree", "-z", "--long", "--full-tree", commit, *([path] if path else []))
        return [_entry(line) for line in out.decode(errors="surrogateescape").split("\0") if line]

    def blob(self, sha: str) -> bytes:
        return self.git("cat-file", "blob", sha)


def _data(content: bytes) -> bytes:
    return b"data %d\n%b\n" % (len(content), content)


def _file_line(path: str, content: str | bytes | None) -> bytes:
    escaped = path.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n")
    if content is None:
        return f'D "{escaped}"\n'.encode()
    raw = content.encode() if isinstance(content, str) else content
    mode = 755 if raw.startswith(b"#!") else 644
    return f'M 100{mode} inline "{escaped}"\n'.encode() + _data(raw)


def _commit(part: str) -> Commit:
    sha, tree, parents, name, email, date, message, rest = part.split("\x02", 7)
    return Commit(
        sha=sha,
        tree=tree,
        parents=tuple(parents.split()),
        name=name,
        email=email,
        date=date,
        message=message.rstrip("\n"),
        files=tuple(_changed(rest.lstrip("\0\n").split("\0"))),
    )


_STATUS: Final = {"A": "added", "M": "modified", "T": "modified", "D": "removed", "R": "renamed", "C": "copied"}


def _changed(fields: Sequence[str]) -> list[ChangedFile]:
    """Read `--name-status -z`: a letter and one path, or two paths for renames."""
    found = []
    rest = iter([field for field in fields if field])
    for letter in rest:
        status = _STATUS[letter[0]]
        previous = next(rest) if letter[0] in "RC" else None
        found.append(ChangedFile(next(rest), status, previous))
    return found


def _entry(line: str) -> Entry:
    facts, path = line.split("\t", 1)
    mode, kind, sha, size = facts.split()
    return Entry(mode, kind, sha, int(size) if size.isdigit() else 0, path)

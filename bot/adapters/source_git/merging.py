"""Two commits: what lies between them, and how `git merge` would put them together, whatever anybody's settings."""

from typing import Final

from bot.adapters.source_git.git import GitFailed
from bot.adapters.source_git.mirror import Mirror
from bot.domain.errors import SourceRefused
from bot.domain.refs import Sha, sha_of
from bot.domain.runs import Merge

_CONFLICTS: Final = 1
"""Status of `git merge-tree` that ended well with conflicts."""
_LATEST: Final = 2**31 - 1
_WHO: Final = {
    f"GIT_{role}_{what}": value
    for role in ("AUTHOR", "COMMITTER")
    for what, value in (("NAME", "Assay"), ("EMAIL", "assay@localhost"))
}


def is_known(mirror: Mirror, base: Sha, head: Sha) -> bool:
    """Is the history behind both known as far as they differ? Where it is cut, a nearer ancestor may be hidden."""
    behind = _common(mirror, base, head)
    between = mirror.run("rev-list", base, head, *(f"^{one}" for one in behind), "--").decode().split()
    return mirror.shallow().isdisjoint(between)


def _common(mirror: Mirror, base: Sha, head: Sha) -> list[str]:
    try:
        return mirror.run("merge-base", "--all", base, head).decode().split()
    except GitFailed as error:
        if error.code == 1:
            return []
        raise


def merge(mirror: Mirror, base: Sha, head: Sha) -> Merge:
    """In a mirror's `aside`.

    Raises: GitFailed. SourceRefused: they have nothing in common.
    """
    if not _common(mirror, base, head):
        raise SourceRefused(f"{head} has no history in common with {base}, so it can't be merged onto it")
    output: list[bytes] = []
    command = ("merge-tree", "--write-tree", "-z", "--name-only", "--no-messages", base, head)
    try:
        mirror.run(*command, consume=output.append)
    except GitFailed as error:
        if error.code != _CONFLICTS:
            raise
        _, *names = b"".join(output).rstrip(b"\0").split(b"\0")
        return Merge(base=base, conflicts=tuple(sorted({name.decode(errors="replace") for name in names})))
    return Merge(base=base, tree=b"".join(output).rstrip(b"\0").decode())


def between(mirror: Mirror, base: Sha, head: Sha, limit: int) -> list[Sha]:
    """The commits behind the base up to the head, along first parents; oldest first.

    Raises: GitFailed. SourceRefused: more than `limit`, or nothing in common.
    """
    if not _common(mirror, base, head):
        raise SourceRefused(f"{head} has no history in common with {base}")
    command = ("rev-list", "--first-parent", f"--max-count={limit + 1}", head, f"^{base}", "--")
    found = mirror.run(*command).decode().split()
    if len(found) > limit:
        raise SourceRefused(f"there are more than {limit} commits between {base} and {head}")
    return [sha_of(one) for one in reversed(found)]


def commit(mirror: Mirror, base: Sha, head: Sha) -> Sha:
    """The merge as a commit, the same wherever it is made. Raises: as `merge`; SourceRefused: they conflict."""
    made = merge(mirror, base, head)
    if made.conflicts:
        raise SourceRefused(f"{head} conflicts with {base} in {', '.join(made.conflicts)}")
    stamp = mirror.run("log", "-1", "--format=%ct", head, "--").decode().strip()
    date = f"{min(int(stamp), _LATEST) if stamp.isdigit() else 0} +0000"
    who = {**_WHO, "GIT_AUTHOR_DATE": date, "GIT_COMMITTER_DATE": date}
    command = ("commit-tree", "-p", base, "-p", head, "-m", f"Merge {head} onto {base}", made.tree)
    return sha_of(mirror.run(*command, environment=who).decode().strip())

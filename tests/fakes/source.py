"""A source without git: it writes the files that a test gave it."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from bot.domain.errors import BadInput, SourceRefused, SourceUnavailable
from bot.domain.refs import RepositoryId, Sha, sha_of
from bot.domain.runs import Merge
from bot.ports.forge import Access
from bot.ports.source import Tips, Wanted


class FakeSource:
    """Keeps commits by repository and id. Like the real one it asks for access only the first time."""

    def __init__(self, commits: Mapping[Sha, Mapping[str, str]] | None = None) -> None:
        self.commits: dict[Sha, Mapping[str, str]] = dict(commits or {})
        self.mirrored: set[tuple[RepositoryId, Sha]] = set()
        self.checkouts: list[Wanted] = []
        self.parents: dict[Sha, Sha] = {}
        self.merges: list[Wanted] = []
        self.refs: dict[str, Sha] = {}
        """Full names of refs, of the one repository that `tips` knows."""
        self.messages: dict[Sha, str] = {}
        self.fault: Exception | None = None
        """Raised by every checkout while it is set."""
        self.meanwhile: Callable[[], None] | None = None
        """What happens elsewhere while a checkout goes on."""

    def add(self, sha: Sha, files: Mapping[str, str], parent: Sha | None = None) -> None:
        self.commits[sha] = files
        if parent:
            self.parents[sha] = parent

    def checkout(
        self, wanted: Wanted, access: Callable[[], Access], folder: Path, should_stop: Callable[[], bool]
    ) -> None:
        self._bring(wanted, access, should_stop)
        files, conflicts = self._merged(wanted)
        if conflicts:
            raise SourceRefused(f"{wanted.sha} conflicts in {', '.join(conflicts)}")
        self.checkouts.append(wanted)
        for name, content in files.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            (folder / name).write_text(content)

    def merge(self, wanted: Wanted, access: Callable[[], Access], should_stop: Callable[[], bool]) -> Merge:
        assert wanted.onto
        self._bring(wanted, access, should_stop)
        files, conflicts = self._merged(wanted)
        self.merges.append(wanted)
        tree = "" if conflicts else hashlib.sha1(repr(sorted(files.items())).encode()).hexdigest()  # noqa: S324  # git's own kind of id
        return Merge(base=wanted.onto.sha, tree=tree, conflicts=conflicts)

    def between(
        self, wanted: Wanted, access: Callable[[], Access], should_stop: Callable[[], bool], limit: int
    ) -> Sequence[Sha]:
        assert wanted.onto
        self._bring(wanted, access, should_stop)
        behind = self._ancestors(wanted.onto.sha)
        found = [one for one in self._ancestors(wanted.sha) if one not in behind]
        if self._ancestors(found[-1] if found else wanted.sha)[-1] not in behind:
            raise SourceRefused(f"{wanted.sha} has no history in common with {wanted.onto.sha}")
        if len(found) > limit:
            raise SourceRefused(f"there are more than {limit} commits between {wanted.onto.sha} and {wanted.sha}")
        return found[::-1]

    def _merged(self, wanted: Wanted) -> tuple[Mapping[str, str], tuple[str, ...]]:
        """Whole files, three ways; and those that both sides have changed."""
        head = self.commits[wanted.sha]
        if wanted.onto is None:
            return head, ()
        base = self.commits[wanted.onto.sha]
        behind = self._ancestors(wanted.onto.sha)
        common = next((one for one in self._ancestors(wanted.sha) if one in behind), None)
        if common is None:
            raise SourceRefused(f"{wanted.sha} has no history in common with {wanted.onto.sha}")
        files, conflicts = dict[str, str](), []
        for name in sorted({*head, *base}):
            old, ours, theirs = self.commits[common].get(name), base.get(name), head.get(name)
            if ours != theirs and old not in (ours, theirs):
                conflicts.append(name)
            result = theirs if ours == old else ours
            if result is not None:
                files[name] = result
        return files, tuple(conflicts)

    def _ancestors(self, sha: Sha) -> list[Sha]:
        found = [sha]
        while found[-1] in self.parents:
            found.append(self.parents[found[-1]])
        return found

    def _bring(self, wanted: Wanted, access: Callable[[], Access], should_stop: Callable[[], bool]) -> None:
        if should_stop():
            raise SourceUnavailable("the checkout was stopped")
        if self.meanwhile:
            self.meanwhile()
        if self.fault:
            raise self.fault
        for one in (wanted.onto, wanted) if wanted.onto else (wanted,):
            try:
                sha = sha_of(one.sha)
            except BadInput as error:
                raise SourceRefused(str(error)) from error
            if (wanted.repository, sha) not in self.mirrored:
                access()
                if sha not in self.commits:
                    raise SourceRefused(f"commit {sha} is gone: the branch was force-pushed or deleted")
                self.mirrored.add((wanted.repository, sha))

    def files(self, repository: RepositoryId, sha: Sha) -> frozenset[str]:
        return frozenset(self.commits[sha]) if (repository, sha) in self.mirrored else frozenset()

    def tips(self, access: Access, refs: Sequence[str]) -> Tips:
        if self.fault:
            raise self.fault
        return Tips("main", {ref: self.refs[ref] for ref in refs if ref in self.refs})

    def message(self, wanted: Wanted, access: Callable[[], Access]) -> str:
        self._bring(wanted, access, lambda: False)
        return self.messages.get(wanted.sha, "change\n")

    def read(self, wanted: Wanted, access: Callable[[], Access], path: str, limit: int) -> bytes | None:
        self._bring(wanted, access, lambda: False)
        content = self.commits[wanted.sha].get(path)
        return None if content is None else content.encode()[: limit + 1]

    def forget(self, repository: RepositoryId) -> None:
        self.mirrored = {one for one in self.mirrored if one[0] != repository}

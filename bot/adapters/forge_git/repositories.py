"""What a forge does, as far as git alone can: refs, commits, files. It has no people, changes, checks or comments."""

# ruff: noqa: ARG002  # much of what a forge is asked means nothing to git

from collections.abc import Mapping, Sequence
from typing import Final

from bot.domain.checks import Check
from bot.domain.dialect import GITHUB, Dialect
from bot.domain.errors import BadInput, BadSignature, Gone, NotAllowed, Refused
from bot.domain.events import CommentKind, ForgeEvent, Ignored
from bot.domain.findings import Finding
from bot.domain.plain import PLAIN, Address, Allowed, address_of
from bot.domain.planning import ChangedFiles
from bot.domain.refs import Person, Repository, RepositorySeen, Sha, sha_of
from bot.ports.forge import Access, Change, Commit, Delivery, NewFile, Permission, Reaction
from bot.ports.source import Source, Wanted

_BRANCH: Final = "refs/heads/{}"
_TAG: Final = "refs/tags/{}"
_PROTOCOLS: Final = frozenset({"https", "ssh", "git"})


class GitRepositories:
    def __init__(self, allowed: Allowed, source: Source) -> None:
        self._allowed = allowed
        self._source = source

    @property
    def dialect(self) -> Dialect:
        return GITHUB

    def read(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str] | None = None) -> Delivery:
        raise BadSignature("nobody tells of plain repositories")

    def parse(self, name: str, payload: bytes) -> ForgeEvent | Ignored:
        return Ignored("nobody tells of plain repositories")

    def lacks(self) -> Sequence[str]:
        return ()

    def clock_ahead(self) -> float | None:
        return None

    def examine(self) -> Sequence[Finding]:
        count = len(self._allowed.patterns)
        return [Finding(ok=True, text=f"plain repositories may be run: {count} pattern{'s' if count > 1 else ''}")]

    def repository(self, repository: Repository) -> RepositorySeen:
        return self.find(repository.clone_url)

    def find(self, path: str) -> RepositorySeen:
        """`path` is its address. Raises: NotAllowed. Refused: no repository is there, or not for us."""
        address = self._address(path)
        tips = self._source.tips(_access(address), ())
        return RepositorySeen(
            forge=PLAIN,
            forge_id=address.number,
            path=address.name,
            private=True,
            default_branch=tips.default_branch or "main",
            web_url=address.url.removesuffix(".git") if address.scheme == "https" else "",
            clone_url=address.url,
        )

    def change(self, repository: Repository, number: int) -> Change:
        raise Gone("plain repositories have no changes")

    def open_changes(self, repository: Repository) -> Sequence[Change]:
        return ()

    def commit(self, repository: Repository, ref: str) -> Commit:
        if sha := _full(ref):
            return Commit(sha=sha, message=self.commit_message(repository, sha))
        name, sha = self._tip(repository, ref)
        wanted = Wanted(repository=repository.id, sha=sha, refs=(name,))
        return Commit(sha=sha, message=self._source.message(wanted, lambda: self.access(repository)))

    def _tip(self, repository: Repository, ref: str) -> tuple[str, Sha]:
        refs = (_BRANCH.format(ref), _TAG.format(ref))
        found = self._source.tips(self.access(repository), refs).commits
        for one in refs:
            if one in found:
                return one, found[one]
        raise Refused(f"there is no branch or tag {ref}")

    def commit_message(self, repository: Repository, sha: Sha) -> str:
        return self._source.message(_wanted(repository, sha), lambda: self.access(repository))

    def permission(self, repository: Repository, person: Person) -> Permission:
        return Permission.NONE

    def read_file(self, repository: Repository, sha: Sha, path: str, limit: int) -> bytes | None:
        return self._source.read(_wanted(repository, sha), lambda: self.access(repository), path, limit)

    def changed_files(
        self, repository: Repository, *, change: int | None, base: Sha | None, head: Sha
    ) -> ChangedFiles | None:
        return None

    def holds(self, repository: Repository, ref: str, sha: Sha) -> bool:
        """What may be fetched there is its own: nothing of a fork is shown."""
        return True

    def publish(self, repository: Repository, check: Check, ref: str | None, *, again: bool = False) -> str:
        """There is nobody to show it to: the results stay here."""
        return ref or check.external_id

    def react(self, repository: Repository, change: int, comment: int, kind: CommentKind, reaction: Reaction) -> None:
        raise Gone("plain repositories have no comments")

    def reply(self, repository: Repository, change: int, text: str, ref: str | None, *, unique: str = "") -> str:
        raise Gone("plain repositories have no comments")

    def proposes(self, repository: Repository) -> bool:
        del repository
        return False

    def propose(self, repository: Repository, file: NewFile) -> str:
        raise NotAllowed("plain repositories are only read")

    def new_file_page(self, repository: Repository, path: str, text: str) -> str:
        """They have no pages."""
        return ""

    def access(self, repository: Repository) -> Access:
        """Raises: NotAllowed: the operator has withdrawn it."""
        return _access(self._address(repository.clone_url))

    def _address(self, url: str) -> Address:
        try:
            address = address_of(url)
        except BadInput as error:
            raise NotAllowed(str(error)) from error
        if not self._allowed.covers(address):
            raise NotAllowed("ASSAY_PLAIN_REPOSITORIES allows no such address")
        return address


def _access(address: Address) -> Access:
    return Access(address.url, protocols=_PROTOCOLS)


def _wanted(repository: Repository, sha: Sha) -> Wanted:
    """A commit that the host gives nobody by its id may be on the default branch."""
    return Wanted(repository=repository.id, sha=sha, refs=(_BRANCH.format(repository.default_branch),))


def _full(ref: str) -> Sha | None:
    try:
        return sha_of(ref)
    except BadInput:
        return None

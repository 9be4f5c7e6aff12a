"""A forge: its webhooks, its repositories, its checks.

Every method but `read`, `parse`, `lacks` and `clock_ahead` talks over the network and may raise:
    ForgeUnavailable: no answer, a 5xx, garbage; RateLimited with the seconds to wait.
    NotAllowed: a permission is missing. Gone: 404, 410.
"""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.checks import Check
from bot.domain.dialect import Dialect
from bot.domain.events import CommentKind, ForgeEvent, Ignored
from bot.domain.findings import Finding
from bot.domain.planning import ChangedFiles
from bot.domain.refs import Person, Repository, RepositorySeen, Sha


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One verified webhook call."""

    key: str
    """Unique for a hook's delivery; the same when it is sent again."""
    name: str
    """The forge's name of the event, cut to 64 printable characters."""
    payload: bytes
    """The JSON, also of a form-encoded call."""
    event: ForgeEvent | Ignored


class Reaction(enum.StrEnum):
    """How we acknowledge a command (BEHAVIOUR §2); forges translate."""

    SEEN = "eyes"
    DONE = "+1"
    REFUSED = "confused"


class Permission(enum.IntEnum):
    """What a person may do with a repository; unknown is NONE."""

    NONE = 0
    READ = 1
    WRITE = 2
    ADMIN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """As the forge has it now."""

    number: int
    is_open: bool
    draft: bool
    title: str
    head: Sha
    head_ref: str
    head_repository: int | None
    """Forge id; None when the fork is gone."""
    base_ref: str
    base_sha: Sha
    author: Person
    labels: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Commit:
    sha: Sha
    message: str
    author: str = ""
    """As git names them; empty: not known."""


@dataclass(frozen=True, slots=True)
class Access:
    """How git reaches a repository: an https address and headers that carry the credential."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    protocols: frozenset[str] = frozenset({"https"})
    """What the address may begin with."""
    refused: Callable[[], None] = field(default=lambda: None, repr=False, compare=False)
    """To be told that the forge did not take the credential: the next access has another one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class NewFile:
    """A file that a change shall add."""

    path: str
    text: str
    branch: str
    """The change's own, made for it."""
    title: str
    body: str


class Forge(Protocol):
    @property
    def dialect(self) -> Dialect: ...

    def read(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str] | None = None) -> Delivery:
        """Verify and translate one webhook call. Pure.

        `headers` finds names in any letter case. `secrets`: those of one repository's webhook, of which any will do;
        None: those of the installation.

        Raises:
            BadSignature: not signed with a live secret; says nothing else about the call.
            BadInput: signed, but not a JSON object that can be read; says why.
        """

    def parse(self, name: str, payload: bytes) -> ForgeEvent | Ignored:
        """Translate a stored payload, as `read` did. Pure; never raises."""

    def lacks(self) -> Sequence[str]:
        """What people do without here because of the way we are let in, a line for each. Pure."""

    def clock_ahead(self) -> float | None:
        """Seconds by which its clock goes before ours, by its last answer; None: none has told. Pure."""

    def examine(self) -> Sequence[Finding]:
        """Who we are to the forge, and which rights we miss. Raises only ForgeUnavailable."""

    def repository(self, repository: Repository) -> RepositorySeen:
        """The repository by its number: name and owner as they are now."""

    def find(self, path: str) -> RepositorySeen:
        """The repository that has that name now."""

    def change(self, repository: Repository, number: int) -> Change: ...

    def open_changes(self, repository: Repository) -> Sequence[Change]:
        """Those that were touched last first; some hundreds at most."""

    def commit(self, repository: Repository, ref: str) -> Commit:
        """What a branch, a tag or a full commit id stands for now.

        A commit id may be one of a fork's. Raises: Refused: also when there is no such ref.
        """

    def commit_message(self, repository: Repository, sha: Sha) -> str:
        """Of the commit itself."""

    def permission(self, repository: Repository, person: Person) -> Permission:
        """Believed only if the forge's answer has the person's number. Never raises Gone."""

    def read_file(self, repository: Repository, sha: Sha, path: str, limit: int) -> bytes | None:
        """None: there is no such file at that commit. At most `limit` + 1 bytes are returned."""

    def changed_files(
        self, repository: Repository, *, change: int | None, base: Sha | None, head: Sha
    ) -> ChangedFiles | None:
        """All pages; None when the base is unknown or gone."""

    def holds(self, repository: Repository, ref: str, sha: Sha) -> bool:
        """Whether the repository's own branch or tag `ref` leads to the commit.

        `commit` shows more than that: GitHub those of all forks, both forges the heads of changes.
        """

    def publish(self, repository: Repository, check: Check, ref: str | None, *, again: bool = False) -> str:
        """Make the forge show the check; gives what names it there.

        `ref` is what it gave last time; None makes a new check. With `again` an earlier attempt may have made it
        without our hearing of it: one with our `external_id` is looked for and adopted before a new one is made.

        Raises:
            Ambiguous: it may have been made; call with `again` next time.
            Refused: the forge will never take it.
        """

    def react(self, repository: Repository, change: int, comment: int, kind: CommentKind, reaction: Reaction) -> None:
        """Put our reaction on a comment; that it is there already is fine, and so is a comment that is gone."""

    def reply(self, repository: Repository, change: int, text: str, ref: str | None, *, unique: str = "") -> str:
        """Write a comment on the change, or replace the text of our earlier one (`ref`); gives its id.

        A comment that somebody deleted is written anew. Text over the forge's limit is cut. `unique`: words of the
        text that one comment of ours on the change may hold: without `ref` the one that holds them is adopted, and
        one that was deleted is not written anew.

        Raises: Gone: there is no such change; with `unique`: somebody deleted the comment.
        """

    def proposes(self, repository: Repository) -> bool:
        """Our rights there let us open changes, as they are now; elsewhere people do it at `new_file_page`."""

    def propose(self, repository: Repository, file: NewFile) -> str:
        """Open a change that adds the file to the default branch; its address.

        Safe to repeat: one that is open stays. Raises: NotAllowed: also where we only read files.
        """

    def new_file_page(self, repository: Repository, path: str, text: str) -> str:
        """Where people make that file on the default branch, filled in as far as the forge can. Pure."""

    def access(self, repository: Repository) -> Access:
        """A fresh credential for git, valid for the next minutes at least; no wider than the forge can make it."""

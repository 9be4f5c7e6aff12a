"""A forge that exists in memory: people act on it, and it remembers what the bot showed there."""

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from urllib.parse import urlencode

from bot.domain.checks import Check, CheckStatus
from bot.domain.dialect import GITHUB, Dialect
from bot.domain.errors import BadSignature, Gone, NotAllowed, Refused
from bot.domain.events import CommentKind, ForgeEvent, Ignored
from bot.domain.findings import Finding
from bot.domain.planning import ChangedFiles
from bot.domain.refs import ForgeName, Person, Repository, RepositorySeen, Sha
from bot.ports.forge import Access, Change, Commit, Delivery, NewFile, Permission, Reaction

ANA = Person(1, "ana")
STAN = Person(9, "stan")
HELLO = RepositorySeen(
    forge=ForgeName("github"),
    forge_id=100,
    path="acme/hello",
    private=False,
    default_branch="main",
    web_url="https://github.example/acme/hello",
    clone_url="https://github.example/acme/hello.git",
    installation=5,
)


@dataclass
class Shown:
    """One check as the forge holds it, with every state it went through."""

    check: Check
    history: list[str] = field(default_factory=list)


@dataclass
class FakeForge:
    """Plays a forge for the use cases. `trouble` is raised by the next calls of a method's name, in order."""

    dialect: Dialect = GITHUB
    suite_files: dict[str, bytes] = field(default_factory=dict)
    """By commit; the commit "" stands for all others."""
    changes: dict[int, Change] = field(default_factory=dict)
    writers: set[int] = field(default_factory=lambda: {ANA.id})
    changed: ChangedFiles | None = None
    messages: dict[str, str] = field(default_factory=dict)
    authors: dict[str, str] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    of_forks: set[Sha] = field(default_factory=set)
    """Commits that are shown here as well, and are not of this repository."""
    """Commit ids of branches and tags."""
    seen: RepositorySeen = HELLO
    shown: dict[str, Shown] = field(default_factory=dict)
    trouble: dict[str, list[Exception]] = field(default_factory=dict)
    meanwhile: dict[str, list[Callable[[], None]]] = field(default_factory=dict)
    """Happens during the next calls of a method's name, in order."""
    after_publish: list[Exception] = field(default_factory=list)
    files: dict[str, bytes] = field(default_factory=dict)
    """Other files, at any commit."""
    may_propose: bool = False
    proposed: list[NewFile] = field(default_factory=list)
    admins: set[int] = field(default_factory=set)
    strangers: set[int] = field(default_factory=set)
    """May not even read."""
    reactions: dict[int, list[Reaction]] = field(default_factory=dict)
    replies: dict[str, str] = field(default_factory=dict)
    """Our comments by their id, each as it reads now."""
    replied: dict[str, int] = field(default_factory=dict)
    """The changes that they were written on."""
    said: list[str] = field(default_factory=list)
    """Every text that one of them has had."""
    after_reply: list[Exception] = field(default_factory=list)
    events: dict[bytes, ForgeEvent | Ignored] = field(default_factory=dict)
    calls: list[str] = field(default_factory=list)
    ahead: float | None = None
    lacking: list[str] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=lambda: [Finding(ok=True, text="the fake forge")])

    # -- what tests do
    def delivery(self, event: ForgeEvent | Ignored) -> bytes:
        """A body that stands for the event."""
        body = json.dumps({"number": len(self.events)}).encode()
        self.events[body] = event
        return body

    def checks(self, sha: str, name: str) -> list[Shown]:
        return [one for one in self.shown.values() if (one.check.sha, one.check.name) == (sha, name)]

    def check(self, sha: str, name: str) -> Shown:
        """The newest of that name."""
        return self.checks(sha, name)[-1]

    # -- the port
    def read(self, headers: Mapping[str, str], body: bytes, secrets: Sequence[str] | None = None) -> Delivery:
        if headers.get("signature") not in (["right"] if secrets is None else secrets):
            raise BadSignature("unsigned")
        return Delivery(key=headers.get("id", body.decode()), name="event", payload=body, event=self.events[body])

    def parse(self, name: str, payload: bytes) -> ForgeEvent | Ignored:
        return self.events[payload]

    def lacks(self) -> Sequence[str]:
        return self.lacking

    def clock_ahead(self) -> float | None:
        return self.ahead

    def examine(self) -> Sequence[Finding]:
        self._called("examine")
        return self.findings

    def repository(self, repository: Repository) -> RepositorySeen:
        self._called("repository")
        return self.seen

    def find(self, path: str) -> RepositorySeen:
        self._called("find")
        if path.casefold() != self.seen.path.casefold():
            raise Gone("no such repository")
        return self.seen

    def open_changes(self, repository: Repository) -> Sequence[Change]:
        self._called("open_changes")
        return [one for one in self.changes.values() if one.is_open]

    def commit(self, repository: Repository, ref: str) -> Commit:
        self._called("commit")
        sha = self.refs.get(ref, ref)
        if len(sha) != 40:
            raise Refused("no such commit")
        return Commit(sha=Sha(sha), message=self.messages.get(sha, "a message"), author=self.authors.get(sha, ""))

    def change(self, repository: Repository, number: int) -> Change:
        self._called("change")
        if number not in self.changes:
            raise Gone("no such change")
        return self.changes[number]

    def commit_message(self, repository: Repository, sha: Sha) -> str:
        return self.messages.get(sha, "a message")

    def permission(self, repository: Repository, person: Person) -> Permission:
        self._called("permission")
        if person.id in self.strangers:
            return Permission.NONE
        if person.id in self.admins:
            return Permission.ADMIN
        return Permission.WRITE if person.id in self.writers else Permission.READ

    def react(self, repository: Repository, change: int, comment: int, kind: CommentKind, reaction: Reaction) -> None:
        self._called("react")
        self.reactions.setdefault(comment, []).append(reaction)

    def reply(self, repository: Repository, change: int, text: str, ref: str | None, *, unique: str = "") -> str:
        self._called("reply")
        if unique:
            here = [one for one in self.replies if self.replied[one] == change]
            ref = ref or next((one for one in here if unique in self.replies[one]), None)
            if ref is not None and ref not in self.replies:
                raise Gone("somebody deleted the comment")
        ref = ref or f"reply{len(self.replies) + 1}"
        self.replies[ref], self.replied[ref] = text, change
        self.said.append(text)
        if self.after_reply:
            raise self.after_reply.pop(0)
        return ref

    def read_file(self, repository: Repository, sha: Sha, path: str, limit: int) -> bytes | None:
        self._called("read_file")
        return self.suite_files.get(sha, self.suite_files.get("")) if path == ".assay.yml" else self.files.get(path)

    def changed_files(
        self, repository: Repository, *, change: int | None, base: Sha | None, head: Sha
    ) -> ChangedFiles | None:
        return self.changed

    def holds(self, repository: Repository, ref: str, sha: Sha) -> bool:
        return sha not in self.of_forks

    def publish(self, repository: Repository, check: Check, ref: str | None, *, again: bool = False) -> str:
        self._called("publish")
        if ref is None and again:
            ref = next((key for key, one in self.shown.items() if one.check.external_id == check.external_id), None)
        if ref is None:
            ref = str(len(self.shown) + 1)
            self.shown[ref] = Shown(check)
        shown = self.shown[ref]
        is_final = shown.check.status is CheckStatus.COMPLETED and bool(shown.history)
        assert not is_final or shown.check.conclusion is check.conclusion, "a completed check is final"
        shown.check = check
        shown.history.append(check.conclusion.value if check.conclusion else check.status.value)
        if self.after_publish:
            raise self.after_publish.pop(0)
        return ref

    def proposes(self, repository: Repository) -> bool:  # the same for all
        return self.may_propose

    def propose(self, repository: Repository, file: NewFile) -> str:
        self._called("propose")
        if not self.may_propose:
            raise NotAllowed("files are only read here")
        self.proposed.append(file)
        return f"{repository.web_url}/pull/1"

    def new_file_page(self, repository: Repository, path: str, text: str) -> str:
        return f"{repository.web_url}/new?{urlencode({'name': path, 'text': text})}"

    def access(self, repository: Repository) -> Access:
        return Access(repository.clone_url)

    def _called(self, name: str) -> None:
        self.calls.append(name)
        if happening := self.meanwhile.get(name):
            happening.pop(0)()
        if waiting := self.trouble.get(name):
            raise waiting.pop(0)


def a_change(number: int, head: str, *, author: Person = ANA, fork: bool = False, **more: object) -> Change:
    change = Change(
        number=number,
        is_open=True,
        draft=False,
        title=f"Change {number}",
        head=Sha(head),
        head_ref="topic",
        head_repository=200 if fork else HELLO.forge_id,
        base_ref="main",
        base_sha=Sha("b" * 40),
        author=author,
    )
    return replace(change, **more)  # type: ignore[arg-type]  # replace() checks the names

"""The store's ledger: who may do what, who said and did what, who does what now."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.refs import Person, RepositoryId, Sha
from bot.domain.runs import BuildId, RunId
from bot.domain.sessions import Session
from bot.domain.tokens import Token


@dataclass(frozen=True, slots=True, kw_only=True)
class Approval:
    sha: Sha
    """The one commit that was approved."""
    actor: str
    person_id: int | None
    """The forge's number of who approved; None: the operator, on the command line."""
    login: str
    at: float
    """Seconds since 1970."""


class Approvals(Protocol):
    """Who let a stranger's build run; append-only."""

    def add(self, build: BuildId, sha: Sha, person: Person | None, actor: str) -> None: ...

    def of_build(self, build: BuildId) -> Sequence[Approval]:
        """Oldest first."""

    def of_commit(self, repository: RepositoryId, change: int, sha: Sha) -> Sequence[Approval]:
        """Of every build of the change on that commit."""

    def has_let_in(self, repository: RepositoryId, person: int) -> bool:
        """Was any change that this person (the forge's number) opened approved here before?"""

    def stand(self, repository: RepositoryId, change: int, person: Person) -> None:
        """From now on later commits of the change are approved as well."""

    def end_standing(self, repository: RepositoryId, change: int) -> None: ...

    def stands(self, repository: RepositoryId, change: int) -> bool: ...


class Conversations(Protocol):
    """What was said to us on a change, and where we answered."""

    def note(self, repository: RepositoryId, change: int, comment: int, person: int, outcome: str) -> bool:
        """Remember what the commands of a comment came to; False when that was remembered before."""

    def outcome(self, repository: RepositoryId, comment: int) -> str | None:
        """What was noted of it."""

    def count(self, repository: RepositoryId, change: int, seconds: float, person: int | None = None) -> int:
        """Comments with commands in the last so many seconds, of everybody or of one person."""

    def reply(self, repository: RepositoryId, change: int, topic: str, max_age: float) -> str | None:
        """The forge's id of our answer on that topic, unless it is older than `max_age` seconds."""

    def keep_reply(self, repository: RepositoryId, change: int, topic: str, ref: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class AuditEntry:
    id: int
    """It counts up."""
    at: float
    """Seconds since 1970."""
    repository: RepositoryId | None
    actor: str
    action: str
    subject: str
    detail: str


class Audit(Protocol):
    """Who approved, overrode, cancelled and re-ran what; append-only."""

    def add(self, *, repository: RepositoryId | None, actor: str, action: str, subject: str, detail: str) -> None: ...

    def recent(self, limit: int, *, before: int | None = None, public_only: bool = True) -> Sequence[AuditEntry]:
        """Newest first; `before`: only those with a smaller id."""


class Tokens(Protocol):
    """What lets programs in."""

    def add(self, token: Token) -> None: ...

    def get(self, key: str) -> Token | None:
        """By its id."""

    def all(self) -> Sequence[Token]:
        """Oldest first, those that ended too."""

    def revoke(self, key: str, at: datetime) -> None: ...

    def used(self, key: str, at: datetime) -> None: ...


class Tickets(Protocol):
    """What opens a live log once, where a token can't be shown."""

    def put(self, digest: str, run: RunId, token: str, seconds: float) -> None:
        """For the bearer of the token of that id; forgets those that have ended."""

    def take(self, digest: str, run: RunId) -> str | None:
        """The token's id, once; None: it is another run's, was taken, has ended or never was."""


class Sessions(Protocol):
    """Who has signed in."""

    def add(self, session: Session) -> None:
        """And forget those that have ended."""

    def get(self, digest: str, at: datetime) -> Session | None:
        """One that lasts at that time."""

    def end(self, digest: str) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """A call of the API that must not happen twice."""

    key: str
    """Digest of who called and the key that they chose."""
    body: str
    """Digest of what they wanted."""
    trigger: str
    """Key of the trigger that it became."""


class Calls(Protocol):
    """Calls with an Idempotency-Key."""

    def find(self, key: str, max_age: float) -> Call | None:
        """Unless it is older than `max_age` seconds."""

    def note(self, call: Call, max_age: float) -> Call:
        """Remember it, and forget all that are older than `max_age` seconds; gives the first one of that key."""


class Leases(Protocol):
    """Duties that one process at a time does."""

    def take(self, duty: str, owner: str, seconds: float) -> bool:
        """Take or keep the duty for that long; False while another holds it."""

    def keep(self, duty: str, owner: str, seconds: float) -> bool:
        """Keep it for that long, also when its time is over; False when another has taken it since."""

"""Webhooks at a forge: made for one repository, looked after, asked for again what is missing; and what we store."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.refs import Repository, RepositoryId
from bot.ports.forge import Delivery


@dataclass(frozen=True, slots=True)
class Hook:
    """A webhook of a repository, as its forge numbers it."""

    repository: Repository
    number: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Sent:
    """One attempt of the forge to deliver something."""

    id: int
    """The forge's number of the attempt."""
    key: str
    """The same for all attempts at one delivery."""
    at: datetime
    arrived: bool
    """Answered with 2xx."""
    answer: str = ""
    """How it ended, in the forge's words."""
    repository: int | None = None
    """The forge's number of the repository that it is about, where the forge tells."""


class Webhooks(Protocol):
    """What talks over the network may raise what a Forge's methods do; NotAllowed names the right that is missing."""

    def of_installation(self) -> bool:
        """Does one webhook, a GitHub App's, tell us of every repository already? Pure."""

    def put(self, repository: Repository, url: str, secret: str) -> int:
        """Make the repository's webhook to that address, or bring the one that is there up to date; its number.

        It sends just the events that we read, as JSON, over verified TLS, and proves itself with `secret`. Safe to
        repeat: one that an interrupted call made is found by its address.
        """

    def remove(self, hook: Hook) -> None:
        """One that is gone is fine."""

    def ping(self, hook: Hook) -> None:
        """Let the forge send something now that changes nothing. Raises: Gone: there is no such webhook."""

    def trouble(self, hook: Hook) -> str:
        """Why the forge sends nothing or what went wrong last, in a line; nothing when all is well."""

    def sent(self, hook: Hook | None, since: datetime) -> Sequence[Sent]:
        """All attempts since then that the forge remembers, newest first.

        None stands for the webhook of the installation itself, a GitHub App's; nothing where there is none.
        """

    def last(self, hook: Hook | None) -> Sent | None:
        """The newest attempt that it remembers, for one call; `hook` as in `sent`."""

    def send_again(self, hook: Hook | None, sent: Sent) -> None:
        """Ask the forge for one more attempt."""

    def fetch(self, hook: Hook | None, sent: Sent) -> Delivery:
        """What it tried to deliver, as `Forge.read` would have given it: the forge itself tells, so it is proven."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHook:
    """A repository's webhook as we know it."""

    id: str
    """The last part of its address here."""
    repository: RepositoryId
    number: int | None
    """The forge's; None: whether it was made there is not known."""
    secret: bytes = field(repr=False)
    """As the vault sealed it."""
    other: bytes | None = field(repr=False)
    """The next one, which the forge is about to get, or the last one for a while; it proves a call as well."""
    created_at: float
    """Seconds since 1970."""
    heard_at: float | None
    """When a proven call came last."""
    actor: str


class Hooks(Protocol):
    """A part of the store: one webhook a repository."""

    def add(self, hook: str, repository: RepositoryId, secret: bytes, actor: str) -> StoredHook:
        """Store it, unless the repository has one; gives the one that it has."""

    def get(self, hook: str) -> StoredHook | None: ...

    def of_repository(self, repository: RepositoryId) -> StoredHook | None: ...

    def every(self) -> Sequence[StoredHook]: ...

    def made(self, hook: str, number: int) -> None:
        """The forge has it, under that number."""

    def offer(self, hook: str, secret: bytes) -> StoredHook:
        """From now on that secret proves as well; one that was offered before and not taken stays instead."""

    def switch(self, hook: str, keep: float) -> None:
        """The offered secret is the first one now; the one before proves for `keep` seconds more."""

    def heard(self, hook: str) -> None:
        """A proven call came."""

    def reseal(self, hook: StoredHook, secret: bytes, other: bytes | None) -> bool:
        """The same secrets under another key; False and no effect when they were changed meanwhile."""

    def remove(self, hook: str) -> None: ...

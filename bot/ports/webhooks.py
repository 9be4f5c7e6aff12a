"""Webhooks at a forge: made for one repository, looked after, asked for again what did not arrive.

Methods talk over the network and may raise what those of a Forge do; NotAllowed names the right that is missing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from bot.domain.refs import Repository
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
    repository: int | None = None
    """The forge's number of the repository that it is about, where the forge tells."""


class Webhooks(Protocol):
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

    def send_again(self, hook: Hook | None, sent: Sent) -> None:
        """Ask the forge for one more attempt."""

    def fetch(self, hook: Hook | None, sent: Sent) -> Delivery:
        """What it tried to deliver, as `Forge.read` would have given it: the forge itself tells, so it is proven."""

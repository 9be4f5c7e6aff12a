"""Forges that are set up while the server runs: what is stored of them, who may do it, and the forge's part in it."""

import enum
from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from bot.domain.findings import Finding
from bot.domain.hosts import Host
from bot.domain.refs import ForgeName


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredHost:
    name: ForgeName
    value: bytes = field(repr=False)
    """As the vault sealed it."""
    updated_at: float
    """Seconds since 1970."""
    actor: str


class StoredHosts(Protocol):
    """A part of the store: sealed credentials of forges."""

    def put(self, name: ForgeName, value: bytes, actor: str) -> None:
        """In place of what was there."""

    def every(self) -> Sequence[StoredHost]:
        """By name."""

    def reseal(self, host: StoredHost, value: bytes) -> bool:
        """The same under another key; False and no effect when somebody wrote it meanwhile."""


class SetupKind(enum.StrEnum):
    LINK = "link"
    """Opens the set-up, once."""
    SESSION = "session"
    """Of the browser that opened it."""


class SetupKeys(Protocol):
    """Who may set up forges, besides administrators. Only digests are stored."""

    def put(self, kind: SetupKind, digest: str, seconds: float) -> None:
        """The only one of its kind from now on, for so many seconds."""

    def take(self, kind: SetupKind, digest: str) -> bool:
        """End it; False when it isn't there, has ended, or somebody else took it."""

    def is_live(self, kind: SetupKind, digest: str) -> bool: ...

    def end(self, kind: SetupKind) -> None: ...


@dataclass(frozen=True, slots=True)
class Order:
    """A form that the browser sends to the forge, which asks the person and makes an App."""

    action: str
    manifest: str


class AppMaking(Protocol):
    """GitHub's part in making an App of our own (FORGES §1.12)."""

    @property
    def usual(self) -> str:
        """The address of the GitHub that is meant unless another is named."""

    def order(
        self, url: str, organisation: str, name: str, *, ours: str, redirect: str, state: str, writes_files: bool
    ) -> Order:
        """`url` is GitHub's address, `ours` this server's; without an organisation the App is the person's own.

        `writes_files`: the App asks for that too, beyond what it needs.
        """

    def convert(self, url: str, code: str) -> Host:
        """What the App has; a code works once, for an hour.

        Raises:
            Refused: the code isn't known (any more), or something is missing.
            ForgeUnavailable.
        """

    def time_at(self, url: str) -> datetime:
        """By the forge's clock. Raises: ForgeUnavailable: it doesn't answer."""


class Hosts(Protocol):
    """The forges that this process knows."""

    @property
    def fixed(self) -> Collection[ForgeName]:
        """Those of the settings, which win."""

    @property
    def app_pages(self) -> Sequence[str]:
        """Where the Apps that were made here are installed."""

    def examine(self, host: Host) -> Sequence[Finding]:
        """What a forge says to these credentials. Raises: BadInput: they can't be any; ForgeUnavailable."""

    def reload(self) -> None:
        """Read what is stored. Other processes do it every few seconds."""

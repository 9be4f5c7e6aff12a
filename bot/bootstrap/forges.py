"""The forges of a process: those of its settings, and those that were set up while it ran."""

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import structlog

from bot.adapters.forge_github import GitHubForge
from bot.adapters.forge_gitlab import GitLabForge
from bot.domain.errors import BotError
from bot.domain.findings import Finding
from bot.domain.hosts import Host
from bot.domain.refs import ForgeName
from bot.ports.signin import SignIn
from bot.ports.webhooks import Webhooks

log = structlog.get_logger()

AnyForge = GitHubForge | GitLabForge
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class _Known:
    host: Host
    forge: AnyForge
    sign_in: SignIn | None


@dataclass(slots=True)
class Forges:
    """What is read again replaces what was there at once, in every mapping that was handed out."""

    settings: Sequence[Host]
    stored: Callable[[], Sequence[Host]]
    """Raises: BotError."""
    make: Callable[[Host], AnyForge]
    make_sign_in: Callable[[Host], SignIn]
    _known: Mapping[ForgeName, _Known] = field(default_factory=dict)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self._known = {ForgeName(host.name): self._one(host) for host in self.settings}
        self.reload()

    @property
    def fixed(self) -> frozenset[ForgeName]:
        return frozenset(ForgeName(host.name) for host in self.settings)

    @property
    def app_pages(self) -> Sequence[str]:
        return [one.host.app_page for one in self._known.values() if one.host.app_page]

    def examine(self, host: Host) -> Sequence[Finding]:
        forge = self.make(host)
        try:
            return forge.examine()
        finally:
            if isinstance(forge, GitHubForge):
                forge.close()

    def reload(self) -> None:
        """What can't be read or used now is left as it was."""
        with self._lock:
            try:
                hosts = self.stored()
            except BotError as error:
                log.warning("forges.unread", error=str(error))
                return
            known = {name: one for name, one in self._known.items() if name in self.fixed}
            for host in hosts:
                name = ForgeName(host.name)
                if name not in known and (one := self._again(name, host)):
                    known[name] = one
            self._known = known

    def _again(self, name: ForgeName, host: Host) -> _Known | None:
        """The same object while nothing changed: it knows tokens and what the forge wants to be spared."""
        if (before := self._known.get(name)) and before.host == host:
            return before
        try:
            return self._one(host)
        except BotError as error:
            log.warning("forges.unusable", forge=name, error=str(error))
            return before

    def _one(self, host: Host) -> _Known:
        return _Known(host, self.make(host), self.make_sign_in(host) if host.client_id else None)

    @property
    def forges(self) -> Mapping[ForgeName, AnyForge]:
        return _View(self, lambda one: one.forge)

    @property
    def webhooks(self) -> Mapping[ForgeName, Webhooks]:
        return _View(self, lambda one: one.forge.webhooks)

    @property
    def sign_ins(self) -> Mapping[ForgeName, SignIn]:
        return _View(self, lambda one: one.sign_in)

    def all(self) -> Mapping[ForgeName, _Known]:
        return self._known


class _View(Mapping[ForgeName, T], Generic[T]):
    """Of one thing of each forge, of those that have it."""

    def __init__(self, forges: Forges, pick: Callable[[_Known], T | None]) -> None:
        self._forges, self._pick = forges, pick

    def _now(self) -> dict[ForgeName, T]:
        return {name: got for name, one in self._forges.all().items() if (got := self._pick(one)) is not None}

    def __getitem__(self, name: ForgeName) -> T:
        return self._now()[name]

    def __iter__(self) -> Iterator[ForgeName]:
        return iter(self._now())

    def __len__(self) -> int:
        return len(self._now())

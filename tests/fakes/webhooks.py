"""Webhooks of a forge that exists in memory."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from bot.domain.errors import Gone
from bot.domain.refs import Repository
from bot.ports.forge import Delivery
from bot.ports.webhooks import Hook, Sent


@dataclass
class Made:
    """A webhook as the forge holds it."""

    path: str
    url: str
    secret: str


@dataclass
class FakeWebhooks:
    """`broken` is raised by the next call; `after` when its work is done already."""

    app: bool = False
    hooks: dict[int, Made] = field(default_factory=dict)
    pings: list[int] = field(default_factory=list)
    on_ping: Callable[[Made], None] = lambda _: None
    said: str = ""
    attempts: list[Sent] = field(default_factory=list)
    """Oldest first."""
    contents: dict[str, Delivery] = field(default_factory=dict)
    asked_again: list[str] = field(default_factory=list)
    broken: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)

    def of_installation(self) -> bool:
        return self.app

    def put(self, repository: Repository, url: str, secret: str) -> int:
        self._break()
        known = [number for number, made in self.hooks.items() if made.url == url]
        number = known[0] if known else 501 + len(self.hooks)
        self.hooks[number] = Made(repository.path, url, secret)
        if self.after:
            raise self.after.pop(0)
        return number

    def remove(self, hook: Hook) -> None:
        self._break()
        self.hooks.pop(hook.number, None)

    def ping(self, hook: Hook) -> None:
        self._break()
        if hook.number not in self.hooks:
            raise Gone("no such webhook")
        self.pings.append(hook.number)
        self.on_ping(self.hooks[hook.number])

    def trouble(self, hook: Hook) -> str:
        self._break()
        return self.said

    def sent(self, hook: Hook | None, since: datetime) -> Sequence[Sent]:
        self._break()
        if (hook is None) != self.app:
            return []
        return [one for one in reversed(self.attempts) if one.at >= since]

    def last(self, hook: Hook | None) -> Sent | None:
        self._break()
        return self.attempts[-1] if self.attempts and (hook is None) == self.app else None

    def send_again(self, hook: Hook | None, sent: Sent) -> None:
        self._break()
        self.asked_again.append(sent.key)
        self.attempts.append(replace(sent, id=sent.id + 1000))

    def fetch(self, hook: Hook | None, sent: Sent) -> Delivery:
        self._break()
        return self.contents[sent.key]

    def _break(self) -> None:
        if self.broken:
            raise self.broken.pop(0)

"""Channels that a repository has of its own: set up by its admins, named by its suite file alone (PRODUCT §2.12)."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.app import notifying
from bot.app.context import App
from bot.domain.errors import BadInput, Gone, Refused
from bot.domain.notices import Message, News
from bot.domain.refs import Repository, RepositoryId
from bot.ports.store import UnitOfWork

MOST: Final = 20
"""Of one repository."""
LONGEST: Final = 2000
"""Characters of an address."""
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_KIND: Final = re.compile(r"[a-z]{1,20}")


@dataclass(frozen=True, slots=True)
class Listed:
    """A channel as it is shown: never its address. Seconds since 1970."""

    name: str
    kind: str
    created_at: float
    actor: str


@dataclass(frozen=True, slots=True)
class Placed:
    """A channel and whose it is; without a repository it is of the operator's settings, which tell no time."""

    repository: Repository | None
    name: str
    kind: str
    created_at: float | None = None
    actor: str = ""

    @property
    def cursor(self) -> tuple[RepositoryId, str]:
        return (self.repository.id if self.repository else _NOBODY, self.name)


_NOBODY: Final = RepositoryId(0)
"""Comes before all repositories."""
FIRST: Final = (_NOBODY, "")


def put(app: App, repository: Repository, name: str, address: str, *, actor: str) -> bool:
    """Set it up, or lead it elsewhere; True when it is new.

    Raises:
        BadInput: no name, or nothing may be sent there; the message does not show the address.
        Unavailable: its host has no address now.
    """
    if not _NAME.fullmatch(name):
        raise BadInput("a name has small letters, digits and . _ -, a letter or digit first, at most 64")
    if len(address) > LONGEST:
        raise BadInput(f"an address has at most {LONGEST} characters")
    try:
        app.open_channel(address)
    except Refused as error:
        raise BadInput(str(error)) from error
    kind = _KIND.match(address.lower())
    sealed = app.vault.encrypt(address.encode())
    with app.work() as work:
        is_full = len(work.own_channels.of_repository(repository.id)) >= MOST
        if is_full and work.own_channels.get(repository.id, name) is None:
            raise BadInput(f"a repository has at most {MOST} channels of its own")
        is_new = work.own_channels.put(repository.id, name, kind[0] if kind else "", sealed, actor)
        _note(work, repository, "set channel", name, actor)
    return is_new


def every(app: App, repository: RepositoryId) -> Sequence[Listed]:
    """By name."""
    with app.work() as work:
        stored = work.own_channels.of_repository(repository)
    return [Listed(one.name, one.kind, one.created_at, one.actor) for one in stored]


def everywhere(app: App, limit: int, after: tuple[RepositoryId, str] = FIRST) -> Sequence[Placed]:
    """The operator's by name, then those of repositories, from behind that cursor on."""
    repository, name = after
    operators = sorted(app.channels) if repository == _NOBODY else []
    found = [Placed(None, one, app.channels[one].kind) for one in operators if one > name][:limit]
    # No name of the operator's comes into play in the store: nothing there belongs to nobody.
    with app.work() as work:
        stored = work.own_channels.page(limit - len(found), after=after)
        found += [
            Placed(work.repositories.get(one.repository), one.name, one.kind, one.created_at, one.actor)
            for one in stored
        ]
    return found


def remove(app: App, repository: Repository, name: str, *, actor: str) -> None:
    """Raises: Gone."""
    with app.work() as work:
        if not work.own_channels.remove(repository.id, name):
            raise Gone(f"{repository.path} has no channel {name}")
        _note(work, repository, "remove channel", name, actor)


def test(app: App, repository: Repository, name: str) -> None:
    """Say something there now. Raises: Gone. Refused, Unavailable: with what came of it."""
    with app.work() as work:
        stored = work.own_channels.get(repository.id, name)
    if stored is None:
        raise Gone(f"{repository.path} has no channel {name}")
    text = f"{repository.path}: a test of the channel {name}"
    facts: dict[str, object] = {"type": "channel.test", "forge": repository.forge, "repository": repository.path}
    said = Message(key=f"test-{app.new_id()}", news=News.TEST, title=text, text=text, url=app.url, facts=facts)
    notifying.opened(app, stored).send(said)


def _note(work: UnitOfWork, repository: Repository, action: str, name: str, actor: str) -> None:
    work.audit.add(repository=repository.id, actor=actor, action=action, subject=f"channel:{name}", detail="")

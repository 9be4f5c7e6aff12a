"""Secrets of repositories: written by the operator, read by trusted runs that name them (RELIABILITY §8H)."""

import re
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Protocol, TypeVar

from bot.domain.errors import BadInput, Gone, Refused
from bot.domain.masking import SHORTEST, lines_of
from bot.domain.refs import ForgeName, Repository, RepositoryId
from bot.domain.runs import Trust
from bot.domain.texts import size
from bot.ports.store import UnitOfWork
from bot.ports.vault import StoredSecret, Vault
from bot.ports.webhooks import StoredHook

Sealed = TypeVar("Sealed")

LARGEST: Final = 32 * 1024
"""Bytes of a value in UTF-8."""
_NAME: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}")
_OURS: Final = re.compile(r"CI|ASSAY|ASSAY_.*|MATRIX_.*")
_HARMFUL: Final = re.compile(
    r"LD_.*|PATH|ENV|BASH_ENV|SHELLOPTS|BASHOPTS|IFS|PS4|DOCKER_HOST"
    r"|GIT_(?!(?:AUTHOR|COMMITTER)_(?:NAME|EMAIL|DATE)$).*|(?:HTTP|HTTPS|FTP|ALL|NO)_PROXY"
)
"""The suite file refuses the same names: a secret becomes a variable of the container."""


class Keeper(Protocol):
    """What these use cases need of the App."""

    @property
    def work(self) -> Callable[[], UnitOfWork]: ...
    @property
    def vault(self) -> Vault: ...


@dataclass(frozen=True, slots=True)
class Listed:
    """A secret as it is shown: never its value. Times in seconds since 1970."""

    name: str
    created_at: float
    updated_at: float
    actor: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """What a run gets of the secrets that its suite names."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    missing: tuple[str, ...] = ()
    """Nobody has set them."""
    withheld: tuple[str, ...] = ()
    """They are not for untrusted runs, whether they are set or not."""

    @property
    def notes(self) -> tuple[str, ...]:
        """Lines for the run's log."""
        notes = []
        if self.withheld:
            notes.append(f"Secrets are not available to runs of forks; left unset: {', '.join(self.withheld)}")
        if self.missing:
            notes.append(f"Not set in this repository, so left unset: {', '.join(self.missing)}")
        return tuple(notes)


@dataclass(frozen=True, slots=True)
class Resealed:
    done: int
    locked: tuple[StoredSecret, ...]
    """None of our keys opens them."""


def set_secret(app: Keeper, repository: Repository, name: str, value: str, *, actor: str) -> bool:
    """Write it in place of what was there; True when it is new. Blanks and lines' ends are kept.

    Raises:
        BadInput: the name can't be one, or the value can't be kept or masked; the message doesn't show it.
    """
    if fault := fault_of_name(name) or fault_of_value(value):
        raise BadInput(fault)
    sealed = app.vault.encrypt(value.encode())
    with app.work() as work:
        is_new = work.secrets.put(repository.id, name, sealed, actor)
        _note(work, repository, "set secret", name, actor)
    return is_new


def list_secrets(app: Keeper, repository: RepositoryId) -> Sequence[Listed]:
    """By name."""
    with app.work() as work:
        stored = work.secrets.of_repository(repository)
    return [Listed(one.name, one.created_at, one.updated_at, one.actor) for one in stored]


def remove_secret(app: Keeper, repository: Repository, name: str, *, actor: str) -> None:
    """Raises: Gone."""
    with app.work() as work:
        if not work.secrets.remove(repository.id, name):
            raise Gone(f"{repository.path} has no secret {name}")
        _note(work, repository, "remove secret", name, actor)


def secrets_for(app: Keeper, repository: RepositoryId, names: Sequence[str], trust: Trust) -> Granted:
    """What a run may see of what its suite names; an untrusted one nothing (DESIGN §2.10).

    Raises:
        Refused: one of them can't be decrypted; the message names the setting.
    """
    if trust is not Trust.TRUSTED:
        return Granted(withheld=tuple(names))
    if not names:
        return Granted()
    with app.work() as work:
        stored = {one.name: one.value for one in work.secrets.of_repository(repository)}
    values = {name: app.vault.decrypt(stored[name]).decode() for name in names if name in stored}
    return Granted(values=values, missing=tuple(name for name in names if name not in stored))


def reseal(app: Keeper) -> Resealed:
    """Put every secret under the newest key, so that older ones can be given up. Safe to repeat.

    Those of webhooks, forges and channels as well; one that no key opens is made anew by `assay repo rotate-secret`,
    by the set-up, or on the repository's settings page.
    """
    with app.work() as work:
        stored = work.secrets.every()
    done, locked = _reseal_hooks(app) + _reseal_hosts(app) + _reseal_channels(app), []
    for secret in stored:
        try:
            sealed = app.vault.renew(secret.value)
        except Refused:
            locked.append(secret)
            continue
        with app.work() as work:
            done += work.secrets.reseal(secret, sealed)
    return Resealed(done, tuple(locked))


def _reseal_hooks(app: Keeper) -> int:
    def renew(work: UnitOfWork, hook: StoredHook) -> bool:
        other = app.vault.renew(hook.other) if hook.other else None
        return work.hooks.reseal(hook, app.vault.renew(hook.secret), other)

    return _reseal_each(app, lambda work: work.hooks.every(), renew)


def _reseal_hosts(app: Keeper) -> int:
    return _reseal_each(
        app,
        lambda work: work.hosts.every(),
        lambda work, host: work.hosts.reseal(host, app.vault.renew(host.value)),
    )


def _reseal_channels(app: Keeper) -> int:
    return _reseal_each(
        app,
        lambda work: work.own_channels.every(),
        lambda work, channel: work.own_channels.reseal(channel, app.vault.renew(channel.address)),
    )


def _reseal_each(
    app: Keeper, every: Callable[[UnitOfWork], Sequence[Sealed]], renew: Callable[[UnitOfWork, Sealed], bool]
) -> int:
    """How many were put under the newest key; those that no key opens stay as they are."""
    with app.work() as work:
        stored = every(work)
    done = 0
    for one in stored:
        with suppress(Refused), app.work() as work:
            done += renew(work, one)
    return done


def find_repository(app: Keeper, text: str, forges: Sequence[ForgeName]) -> Repository:
    """A repository that we know by `owner/name`, with `forge:` before it when several forges have one.

    Raises:
        BadInput: it could be one of several. Gone: no event of it has come yet.
    """
    forge, _, path = text.rpartition(":")
    with app.work() as work:
        looked_at = [ForgeName(forge)] if forge else forges
        found = [one for name in looked_at if (one := work.repositories.find(name, path)) is not None]
    if not found:
        raise Gone(f"{text} has not been seen yet: it becomes known by its first webhook, a push for example")
    if len(found) > 1:
        raise BadInput(f"{text} could be " + " or ".join(f"{one.forge}:{one.path}" for one in found))
    return found[0]


def fault_of_name(name: str) -> str:
    if not _NAME.fullmatch(name):
        return "the name of a secret has capital letters, digits and _, a letter first, at most 64"
    if _OURS.fullmatch(name):
        return f"{name} is set by Assay; choose another name"
    if _HARMFUL.fullmatch(name):
        return f"{name} can't be a secret: it changes how the script's own shell starts"
    return ""


def fault_of_value(value: str) -> str:
    """It must fit into a variable of the container, and what can't be masked is no secret for long."""
    try:
        length = len(value.encode())
    except UnicodeEncodeError:
        return "the value is not valid text"
    if "\0" in value:
        return "the value has a NUL character, which no variable can hold"
    if length > LARGEST:
        return f"the value has {size(length)}, more than {size(LARGEST)}; put big things into an encrypted file"
    if max(map(len, lines_of(value))) < SHORTEST:
        what = "every line of the value" if len(value.strip().splitlines()) > 1 else "the value"
        return f"{what} has less than {SHORTEST} characters: masking it would hide pieces of the whole log"
    return ""


def _note(work: UnitOfWork, repository: Repository, action: str, name: str, actor: str) -> None:
    work.audit.add(repository=repository.id, actor=actor, action=action, subject=f"secret:{name}", detail="")

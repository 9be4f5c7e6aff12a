"""Repositories that are registered here: each gets a webhook of its own at its forge (PRODUCT §2.10)."""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import structlog

from bot.app.context import App
from bot.domain.errors import BadInput, Gone, NotAllowed, Refused
from bot.domain.refs import ForgeName, Repository, RepositoryId, RepositorySeen
from bot.ports.store import UnitOfWork
from bot.ports.webhooks import Hook, Sent, StoredHook, Webhooks

log = structlog.get_logger()

_NAME: Final = re.compile(r"(?:(?P<forge>[a-z0-9-]{1,40}):)?(?P<path>[^\s:/]+(?:/[^\s:/]+)+)")
_BOTH_PROVE: Final = 3600.0
"""Seconds for which the old secret still proves a call after a change."""
_PATIENCE: Final = 15.0
"""Seconds that a ping may take."""
_LOOK: Final = 0.2
_MANY: Final = 1000


@dataclass(frozen=True, slots=True)
class Registered:
    repository: Repository
    hook: StoredHook | None
    """None: the App's webhook tells of it, or nothing does."""
    is_new: bool = False


class Unheard(Refused):
    """The forge was asked to send something, and nothing came."""

    code = "unheard"


def add(app: App, name: str, *, actor: str, may_see: Callable[[RepositorySeen], bool] = lambda _: True) -> Registered:
    """Make the repository known and, unless an App's webhook tells of it, give it one of its own. Safe to repeat.

    Raises:
        BadInput. Gone: no such repository or forge, or not for whoever asks.
        NotAllowed: names the right that is missing.
    """
    forge, path = _named(app, name)
    seen = app.forge(forge).find(path)
    if not may_see(seen):
        raise Gone(f"there is no {forge}:{path}")
    webhooks = app.webhooks.get(forge)
    with app.work() as work:
        repository = work.repositories.update(seen)
        stored = known = work.hooks.of_repository(repository.id)
        if stored is None and webhooks is not None and not webhooks.of_installation():
            stored = work.hooks.add(app.new_id(), repository.id, _new_secret(app), actor)
    if stored is None or webhooks is None:
        return Registered(repository, None)
    number = _put(app, webhooks, repository, stored, is_new=known is None)
    with app.work() as work:
        work.hooks.made(stored.id, number)
        if known is None:
            _audit(work, repository, actor, "add repository")
        made = work.hooks.get(stored.id)
    log.info("hook.made", repository=repository.id, hook=stored.id)
    return Registered(repository, made, is_new=known is None)


def _put(app: App, webhooks: Webhooks, repository: Repository, stored: StoredHook, *, is_new: bool) -> int:
    """One that the forge refuses leaves nothing behind."""
    try:
        return webhooks.put(repository, _url(app, repository, stored), _opened(app, stored.secret))
    except Refused:
        if is_new:
            with app.work() as work:
                work.hooks.remove(stored.id)
        raise


def every(app: App, limit: int = _MANY) -> Sequence[Registered]:
    """All repositories that we know, in the order in which they became known."""
    with app.work() as work:
        hooks = {hook.repository: hook for hook in work.hooks.every()}
        return [Registered(one, hooks.get(one.id)) for one in work.repositories.known(limit, public_only=False)]


def find(app: App, name: str) -> Registered:
    """Raises: BadInput. Gone: it is not known here."""
    forge, path = _named(app, name)
    with app.work() as work:
        repository = work.repositories.find(forge, path)
        if repository is None:
            raise Gone(f"{forge}:{path} is not known here; add it with: assay repo add {forge}:{path}")
        return Registered(repository, work.hooks.of_repository(repository.id))


def get(app: App, number: RepositoryId) -> Registered:
    """Raises: Gone."""
    with app.work() as work:
        return Registered(work.repositories.get(number), work.hooks.of_repository(number))


def trouble(app: App, registered: Registered) -> str:
    """What the forge says is wrong with the webhook, or nothing. Raises what talking to a forge may."""
    if registered.hook is None or registered.hook.number is None:
        return "it is not known whether the forge has the webhook; add it again" if registered.hook else ""
    webhooks, _ = _of(app, registered)
    return webhooks.trouble(Hook(registered.repository, registered.hook.number))


def last_sent(app: App, registered: Registered) -> Sent | None:
    """What the forge tried to send last to the webhook. Raises what talking to a forge may."""
    if registered.hook is None or registered.hook.number is None:
        return None
    webhooks, _ = _of(app, registered)
    return webhooks.last(Hook(registered.repository, registered.hook.number))


def remove(app: App, registered: Registered, *, actor: str) -> None:
    """Take the webhook away, at the forge first; what was built stays, and so do settings and secrets.

    Raises: NotAllowed: it has none, or the forge does not let us.
    """
    webhooks, stored = _of(app, registered)
    webhooks.remove(Hook(registered.repository, _number(app, webhooks, registered.repository, stored)))
    with app.work() as work:
        work.hooks.remove(stored.id)
        _audit(work, registered.repository, actor, "remove repository")


def rotate_secret(app: App, registered: Registered, *, actor: str) -> None:
    """Give the webhook a new secret; for an hour the old one proves calls as well, so none is lost.

    Wherever this is interrupted, both prove, and the next call goes on with the same new secret.
    """
    webhooks, stored = _of(app, registered)
    with app.work() as work:
        offered = work.hooks.offer(stored.id, _new_secret(app))
    assert offered.other is not None
    url = _url(app, registered.repository, stored)
    number = webhooks.put(registered.repository, url, _opened(app, offered.other))
    with app.work() as work:
        work.hooks.made(stored.id, number)
        work.hooks.switch(stored.id, _BOTH_PROVE)
        _audit(work, registered.repository, actor, "rotate webhook secret")


def test(app: App, registered: Registered) -> None:
    """Let the forge send something, and wait until it has come all the way.

    Raises: Unheard: with what the forge says of it. NotAllowed: it has no webhook of its own.
    """
    webhooks, stored = _of(app, registered)
    hook = Hook(registered.repository, _number(app, webhooks, registered.repository, stored))
    webhooks.ping(hook)
    end = app.monotonic() + _PATIENCE
    while app.monotonic() < end:
        with app.work() as work:
            now = work.hooks.get(stored.id)
        if now is None or now.heard_at != stored.heard_at:
            return
        app.sleep(_LOOK)
    said = webhooks.trouble(hook) or "the forge does not say why"
    raise Unheard(f"nothing came to {_url(app, registered.repository, stored)} in {_PATIENCE:.0f} s: {said}")


def hook_url(app: App, registered: Registered) -> str:
    return _url(app, registered.repository, registered.hook) if registered.hook else ""


def _named(app: App, name: str) -> tuple[ForgeName, str]:
    """`owner/name`, with its forge before a colon where several are set up. Raises: BadInput, Gone."""
    found = _NAME.fullmatch(name)
    if found is None or any(part in (".", "..") for part in found["path"].split("/")):
        raise BadInput(f"{name} is no name of a repository; write github:owner/name")
    if not app.forges:
        raise Gone("no forge is set up here")
    if found["forge"] is None and len(app.forges) > 1:
        forms = " or ".join(f"{forge}:{found['path']}" for forge in sorted(app.forges))
        raise BadInput(f"{name} could be {forms}")
    forge = ForgeName(found["forge"] or next(iter(app.forges)))
    app.forge(forge)
    return forge, found["path"]


def _of(app: App, registered: Registered) -> tuple[Webhooks, StoredHook]:
    """Raises: NotAllowed."""
    repository = registered.repository
    webhooks = app.webhooks.get(repository.forge)
    if webhooks is None or registered.hook is None:
        why = "the App's webhook tells of it" if webhooks and webhooks.of_installation() else "none was added"
        raise NotAllowed(f"{repository.forge}:{repository.path} has no webhook of its own: {why}")
    return webhooks, registered.hook


def _number(app: App, webhooks: Webhooks, repository: Repository, stored: StoredHook) -> int:
    """Of one of which it is not known whether it was made, after making it."""
    if stored.number is not None:
        return stored.number
    return webhooks.put(repository, _url(app, repository, stored), _opened(app, stored.secret))


def _url(app: App, repository: Repository, stored: StoredHook) -> str:
    return f"{app.url}/webhooks/{repository.forge}/{stored.id}"


def _new_secret(app: App) -> bytes:
    """Two of the random ids: more than anybody can guess."""
    return app.vault.encrypt(f"{app.new_id()}{app.new_id()}".encode())


def _opened(app: App, sealed: bytes) -> str:
    return app.vault.decrypt(sealed).decode()


def _audit(work: UnitOfWork, repository: Repository, actor: str, action: str) -> None:
    subject = f"repository:{repository.path}"
    work.audit.add(repository=repository.id, actor=actor, action=action, subject=subject, detail="")

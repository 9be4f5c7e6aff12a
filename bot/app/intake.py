"""The first half of intake: prove a webhook call and store it while the forge waits (RELIABILITY §6.6)."""

import enum
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import structlog

from bot.app.context import App
from bot.domain.events import Ignored, InstallationChanged
from bot.domain.refs import ForgeName, Repository
from bot.ports.forge import Delivery
from bot.ports.queue import HandleDelivery
from bot.ports.webhooks import StoredHook

log = structlog.get_logger()


class Outcome(enum.StrEnum):
    STORED = "stored"
    DUPLICATE = "duplicate"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Answer:
    outcome: Outcome
    reason: str = ""
    """For whoever reads the forge's delivery page."""


def accept(app: App, forge: ForgeName, headers: Mapping[str, str], body: bytes) -> Answer:
    """Verify one webhook call of the installation and put it aside.

    Raises:
        BadSignature: not signed with a live secret; nothing was stored.
        BadInput: signed, but not to be understood.
        Gone: we know no such forge.
        StoreBusy: it could not be stored; the forge must send it again.
    """
    return put_aside(app, forge, app.forge(forge).read(headers, body))


def accept_of_hook(
    app: App, forge: ForgeName, hook: str, headers: Mapping[str, str], body: bytes, admit: Callable[[str], None]
) -> Answer:
    """The same of a repository's webhook, which speaks for that repository alone (RELIABILITY S012).

    `admit` is asked when the call is proven, and may raise. An unknown webhook is refused as a bad signature is,
    after the same work (S011).
    """
    found = _hook(app, forge, hook)
    stored, repository = found or (None, None)
    delivery = app.forge(forge).read(headers, body, _secrets(app, stored))
    assert stored is not None
    assert repository is not None
    admit(hook)
    with app.work() as work:
        work.hooks.heard(hook)
    return put_aside(app, forge, of_hook(app, delivery, stored, repository))


def of_hook(app: App, delivery: Delivery, hook: StoredHook, repository: Repository) -> Delivery:
    """Of several webhooks one event has the same delivery id; what is not this repository's is ignored."""
    mine = replace(delivery, key=f"{hook.id}:{delivery.key}")
    if isinstance(delivery.event, Ignored):
        return mine
    if isinstance(delivery.event, InstallationChanged):
        return replace(mine, event=Ignored("a repository's webhook does not speak for an installation"))
    told = delivery.event.repository
    if told.forge_id == repository.forge_id:
        return mine
    log.warning("webhook.mismatch", hook=hook.id, repository=repository.id, told=told.forge_id)
    with app.work() as work:
        work.audit.add(
            repository=repository.id,
            actor=f"hook:{hook.id}",
            action="spoke for another repository",
            subject=f"repository:{told.forge_id}",
            detail="ignored",
        )
    return replace(mine, event=Ignored("repository mismatch"))


def put_aside(app: App, forge: ForgeName, delivery: Delivery) -> Answer:
    """Store what is proven; safe to repeat."""
    trace = app.traces.current()
    if isinstance(delivery.event, Ignored):
        reason = delivery.event.reason
        with app.work() as work:
            work.deliveries.add(forge, delivery.key, delivery.name, b"", ignored=reason, trace=trace)
        return Answer(Outcome.IGNORED, reason)
    with app.work() as work:
        number, is_new = work.deliveries.add(forge, delivery.key, delivery.name, delivery.payload, trace=trace)
        if is_new:
            work.send(HandleDelivery(number))
    if is_new:
        return Answer(Outcome.STORED)
    return Answer(Outcome.DUPLICATE, "this delivery was received before")


def _hook(app: App, forge: ForgeName, hook: str) -> tuple[StoredHook, Repository] | None:
    with app.work() as work:
        stored = work.hooks.get(hook)
        repository = work.repositories.get(stored.repository) if stored else None
    if stored is None or repository is None or repository.forge != forge:
        return None
    return stored, repository


def _secrets(app: App, stored: StoredHook | None) -> list[str]:
    """For an unknown webhook one that nobody has, at the price of a known one's."""
    sealed = [stored.secret, *([stored.other] if stored.other else [])] if stored else [_strange(app)]
    return [app.vault.decrypt(one).decode() for one in sealed]


def _strange(app: App) -> bytes:
    return app.vault.encrypt(f"{app.new_id()}{app.new_id()}".encode())

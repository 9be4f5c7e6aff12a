"""What the forge could not tell us is found: failed deliveries, and heads of open changes (RELIABILITY §6.6)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.app import found, intake
from bot.app.context import App
from bot.domain.errors import BotError
from bot.domain.refs import ForgeName, Repository, RepositoryId
from bot.ports.forge import Change
from bot.ports.queue import HandleDelivery
from bot.ports.webhooks import Hook, Sent, StoredHook, Webhooks

log = structlog.get_logger()

_USUAL: Final = timedelta(hours=1)
_FAR: Final = timedelta(days=3)
"""So far back GitHub remembers its deliveries (FORGES §1.1)."""
_FAR_EVERY: Final = 6 * 3600.0
_TRIES: Final = 10
"""Attempts after which a delivery is given up."""
_AT_ONCE: Final = 100
_PATIENCE: Final = 120.0
"""Seconds in which the delivery about a new head may still come; it says more than the head alone."""
_PAGE: Final = 100

Told = tuple[StoredHook, Repository] | None
"""A repository's webhook; None: the installation's."""


def ask_again(app: App) -> int:
    """Let the forges send once more what did not arrive; the inbox takes nothing twice."""
    since = _since(app, "missed")
    hooks = [(webhooks, told) for forge, webhooks, told in _hooks(app) if forge not in app.polled]
    return sum(_tried(_ask_again, app, webhooks, told, since) for webhooks, told in hooks)


def _ask_again(_: App, webhooks: Webhooks, told: Told, since: datetime) -> int:
    hook = _at_forge(told)
    lost = _lost(webhooks.sent(hook, since))[:_AT_ONCE]
    for one in lost:
        webhooks.send_again(hook, one)
    return len(lost)


def _lost(sent: Sequence[Sent]) -> list[Sent]:
    """The newest attempt at each delivery of which none arrived; oldest first."""
    attempts: dict[str, list[Sent]] = {}
    for one in sent:
        attempts.setdefault(one.key, []).append(one)
    lost = [found[0] for found in attempts.values() if not any(one.arrived for one in found) and len(found) < _TRIES]
    return lost[::-1]


def fetch(app: App) -> int:
    """Where no webhook reaches us: read from the forges what they tried to send (ASSAY_GITHUB_DELIVERY=poll)."""
    hooks = [(forge, webhooks, told) for forge, webhooks, told in _hooks(app) if forge in app.polled]
    since = _since(app, "fetched") if hooks else app.now()
    return sum(_tried(_fetch, app, forge, webhooks, told, since) for forge, webhooks, told in hooks)


def _fetch(app: App, forge: ForgeName, webhooks: Webhooks, told: Told, since: datetime) -> int:
    """Oldest first. The mark comes last: what was interrupted is read again, and taken once."""
    hook, count = _at_forge(told), 0
    for key, one in reversed({one.key: one for one in webhooks.sent(hook, since)}.items()):
        mark = f"fetched:{told[0].id if told else 'installation'}:{key}"
        with app.work() as work:
            if work.deliveries.knows(forge, mark):
                continue
        delivery = webhooks.fetch(hook, one)
        intake.put_aside(app, forge, intake.of_hook(app, delivery, *told) if told else delivery)
        with app.work() as work:
            work.deliveries.add(forge, mark, "fetched", b"", ignored="read from the forge")
        count += 1
    return count


def look_at_changes(app: App) -> int:
    """Heads of open changes that have no build yet get one, if in a while still nobody has told of them."""
    return sum(_tried(_look_at, app, repository) for repository in _repositories(app))


def _look_at(app: App, repository: Repository) -> int:
    forge = app.forges.get(repository.forge)
    if forge is None:
        return 0
    return sum(_note(app, repository, change) for change in forge.open_changes(repository))


def _note(app: App, repository: Repository, change: Change) -> bool:
    """As a delivery of its own, so it is done once, and again after whatever goes wrong."""
    key = f"found:{repository.id}:{change.number}:{change.base_ref}:{change.head}"
    with app.work() as work:
        built = {one.sha for one in work.builds.of_change(repository.id, change.number)}
        if change.head in built or work.deliveries.knows(repository.forge, key):
            return False
        number, is_new = work.deliveries.add(repository.forge, key, found.NAME, found.payload_of(repository, change))
        if is_new:
            work.deliveries.postpone(number, _PATIENCE, "its delivery may still come")
            work.send(HandleDelivery(number), delay=_PATIENCE)
    return is_new


def _repositories(app: App) -> Iterator[Repository]:
    last: RepositoryId | None = None
    while True:
        with app.work() as work:
            found = work.repositories.known(_PAGE, after=last, public_only=False)
        yield from found
        if len(found) < _PAGE:
            return
        last = found[-1].id


def _hooks(app: App) -> Iterator[tuple[ForgeName, Webhooks, Told]]:
    """Every webhook of every forge: the installation's, then those of repositories."""
    with app.work() as work:
        stored = [(one, work.repositories.get(one.repository)) for one in work.hooks.every() if one.number]
    for forge, webhooks in app.webhooks.items():
        if webhooks.of_installation():
            yield forge, webhooks, None
        for one, repository in stored:
            if repository.forge == forge:
                yield forge, webhooks, (one, repository)


def _tried(do: Callable[..., int], app: App, *what: object) -> int:
    """What fails for one keeps nobody else waiting; the next turn tries again."""
    try:
        return do(app, *what)
    except BotError as error:
        log.warning("missed.failed_for_one", error=str(error))
        return 0


def _since(app: App, what: str) -> datetime:
    """How far back to look: at a process's start and a few times a day to all that the forge remembers."""
    with app.work() as work:
        is_far = work.leases.take(f"{what}:{app.owner}", app.new_id(), _FAR_EVERY)
    return app.now() - (_FAR if is_far else _USUAL)


def _at_forge(told: Told) -> Hook | None:
    if told is None:
        return None
    stored, repository = told
    assert stored.number is not None
    return Hook(repository, stored.number)

"""What the forge could not tell us is found: failed deliveries, heads of changes and branches (RELIABILITY §6.6)."""

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.app import found, intake
from bot.app.context import App
from bot.domain.errors import BotError, Gone, Refused
from bot.domain.refs import ForgeName, Repository, RepositoryId
from bot.domain.runs import Build, Cause
from bot.ports.forge import Change, Forge
from bot.ports.queue import HandleDelivery
from bot.ports.store import UnitOfWork
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
_LATELY: Final = 100
"""Builds of a repository, the newest, whose branches are looked at."""
_BRANCHES: Final = 10
"""So many of them, and the default branch first: each costs a call."""

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
    return sum(_note_change(app, repository, change) for change in forge.open_changes(repository))


def _note_change(app: App, repository: Repository, change: Change) -> bool:
    key = f"found:{repository.id}:{change.number}:{change.base_ref}:{change.head}"
    with app.work() as work:
        built = {one.sha for one in work.builds.of_change(repository.id, change.number)}
        return change.head not in built and _put_aside(
            work, repository, key, found.OPEN_CHANGE, found.change(repository, change)
        )


def look_at_branches(app: App) -> int:
    """Heads of branches that were built of late get their build as well, when nobody told of a push."""
    return sum(_tried(_look_at_branches_of, app, repository) for repository in _repositories(app))


def _look_at_branches_of(app: App, repository: Repository) -> int:
    """What was never built may have to stay so: no suite is for it, or it is older than we are."""
    forge = app.forges.get(repository.forge)
    if forge is None:
        return 0
    with app.work() as work:
        lately = [one.ref for one in work.builds.of_repository(repository.id, _LATELY) if one.cause is Cause.PUSH]
        branches = list(dict.fromkeys([repository.default_branch, *lately]))[:_BRANCHES]
        built = [work.builds.newest_push(repository.id, branch) for branch in branches]
    return sum(_tried(_look_at_branch, app, forge, repository, last) for last in built if last)


def _look_at_branch(app: App, forge: Forge, repository: Repository, last: Build) -> bool:
    try:
        head = forge.commit(repository, last.ref)
    except (Gone, Refused):
        return False  # the branch was deleted
    key = f"found:{repository.id}:branch:{last.ref}:{head.sha}"
    with app.work() as work:
        at_head = work.builds.at(repository.id, head.sha)
        if any(one.cause is Cause.PUSH and one.ref == last.ref for one in at_head):
            return False
        return _put_aside(work, repository, key, found.BRANCH_HEAD, found.head(repository, last.ref, head, last.sha))


def _put_aside(work: UnitOfWork, repository: Repository, key: str, name: str, payload: bytes) -> bool:
    """As a delivery of its own, so it is done once, and again after whatever goes wrong."""
    if work.deliveries.knows(repository.forge, key):
        return False
    number, is_new = work.deliveries.add(repository.forge, key, name, payload)
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
        where = [f"{one.forge}:{one.path}" for one in what if isinstance(one, Repository)]
        log.warning("missed.failed_for_one", error=str(error), repository="".join(where))
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

"""The slow half of intake: do what a stored delivery asks for."""

from dataclasses import replace
from typing import Final

import structlog

from bot.app import conversing, ending, found, pressing, relabelling, scheduling, starting, trusting
from bot.app.context import App
from bot.app.tracing import nearest
from bot.app.turns import Busy, one_at_a_time
from bot.domain.errors import Gone, NotAllowed, Refused, Unavailable
from bot.domain.events import (
    ActionAsked,
    ChangeClosed,
    ChangeUpdated,
    Commented,
    ForgeEvent,
    Ignored,
    InstallationChanged,
    MergeGroupAsked,
    MergeGroupGone,
    Pushed,
    RefDeleted,
    RepositoryMoved,
    RerunAsked,
)
from bot.domain.planning import Sharing, Trigger
from bot.domain.refs import Repository, RepositorySeen
from bot.domain.runs import Cause, Reason, Trust
from bot.ports.deliveries import DeliveryStatus, StoredDelivery
from bot.ports.queue import HandleDelivery
from bot.ports.telemetry import Fact, SpanName

log = structlog.get_logger()

_TRIES: Final = 12
"""Before a delivery is given up, with waits that double from two seconds to an hour."""
_LONGEST: Final = 3600.0
_LONGEST_AWAY: Final = 60.0
"""What came while the forge was away is done soon after its return; its breaker spares it until then."""
_GIVE_UP: Final = 12 * 3600.0
"""Seconds that one is kept for at least; it may have lain here while nothing ran, so it has its tries as well."""


def handle(app: App, task: HandleDelivery) -> None:
    """Safe to repeat and to interrupt anywhere: builds are made once for each key."""
    with app.work() as work:
        delivery = work.deliveries.claim(task.delivery, app.rules.lease)
    if delivery is None:
        return
    about: dict[str, Fact] = {"delivery": delivery.id, "forge": delivery.forge, "event": delivery.name}
    with (
        structlog.contextvars.bound_contextvars(delivery=delivery.key),
        app.traces.span(SpanName.DELIVERY, nearest(delivery.trace, task.trace), **about),
    ):
        try:
            reason = _act(app, delivery)
        except Busy as error:
            _wait_for_turn(app, delivery, error)
        except Unavailable as error:
            is_over = delivery.age > _GIVE_UP and delivery.attempts >= _TRIES
            wait = _wait(delivery, _LONGEST_AWAY) if error.retry_after is None else error.retry_after
            _try_later(app, delivery, str(error), wait, give_up=is_over)
        except Refused as error:
            _finish(app, delivery, DeliveryStatus.FAILED, str(error))
        except (
            Exception
        ) as error:  # the queue's loop ends here: a delivery that makes us stumble must not stop others
            log.exception("delivery.stumbled")
            wait = _wait(delivery, _LONGEST)
            _try_later(app, delivery, f"{type(error).__name__}", wait, give_up=delivery.attempts >= _TRIES)
        else:
            _finish(app, delivery, DeliveryStatus.PROCESSED, reason)


def _finish(app: App, delivery: StoredDelivery, status: DeliveryStatus, reason: str) -> None:
    with app.work() as work:
        work.deliveries.finish(delivery.id, status, reason)
    log.info("delivery.done", event_name=delivery.name, status=status.value, reason=reason)


def _wait_for_turn(app: App, delivery: StoredDelivery, error: Busy) -> None:
    """As often as need be: another delivery that is being handled says nothing against this one."""
    wait = error.retry_after or 0.0
    with app.work() as work:
        work.deliveries.postpone(delivery.id, wait, str(error), is_try=False)
        work.send(HandleDelivery(delivery.id), delay=wait)


def _wait(delivery: StoredDelivery, most: float) -> float:
    return min(2.0 ** min(delivery.attempts, _TRIES), most)


def _try_later(app: App, delivery: StoredDelivery, error: str, wait: float, *, give_up: bool) -> None:
    if give_up:
        _finish(app, delivery, DeliveryStatus.FAILED, error)
        return
    with app.work() as work:
        work.deliveries.postpone(delivery.id, wait, error)
        work.send(HandleDelivery(delivery.id), delay=wait)
    log.warning("delivery.postponed", error=error, seconds=round(wait, 1))


def _act(app: App, delivery: StoredDelivery) -> str:
    """Gives the reason that the delivery log shows."""
    if delivery.name in found.NAMES:
        return _obey(app, found.event_of(app, delivery.name, delivery.payload))
    event = app.forge(delivery.forge).parse(delivery.name, delivery.payload)
    match event:
        case Ignored(reason):
            return reason
        case InstallationChanged():
            return "installation active" if event.active else "installation removed or suspended"
        case _:
            return _obey(app, event)


def _obey(app: App, event: ForgeEvent) -> str:
    assert not isinstance(event, InstallationChanged)
    repository = _known(app, event.repository)
    with app.work() as work:
        app = app.under(work.repositories.own_rules(repository.id))
    match event:
        case Pushed():
            return _pushed(app, event, repository)
        case RefDeleted():
            return _ref_deleted(app, event, repository)
        case ChangeUpdated() | ChangeClosed() | Commented():
            # Else the slower of two could end the newer head's runs.
            with one_at_a_time(app, f"change:{repository.id}:{event.number}") as alone:
                return _of_change(alone, event, repository)
        case RerunAsked() | ActionAsked():
            with one_at_a_time(app, f"commit:{repository.id}:{event.sha}") as alone:
                return _pressed(alone, event, repository)
        case MergeGroupAsked() | MergeGroupGone():
            return _merge_group(app, event, repository)
        case RepositoryMoved():
            return f"repository is {repository.path} now"


def _of_change(app: App, event: ChangeUpdated | ChangeClosed | Commented, repository: Repository) -> str:
    match event:
        case ChangeUpdated():
            if event.action in ("labeled", "unlabeled"):
                return relabelling.relabelled(app, event, repository)
            return _start_newest_head(app, event, repository)
        case ChangeClosed():
            return _change_closed(app, event, repository)
        case Commented():
            return conversing.hear(app, repository, event)


def _pressed(app: App, event: RerunAsked | ActionAsked, repository: Repository) -> str:
    try:
        match event:
            case RerunAsked():
                return pressing.rerun(app, repository, event)
            case ActionAsked():
                return pressing.act(app, repository, event)
    except (NotAllowed, Gone) as error:
        return str(error)


def _pushed(app: App, event: Pushed, repository: Repository) -> str:
    ref = event.branch or event.tag or ""
    cause = Cause.PUSH if event.branch else Cause.TAG
    trigger = Trigger(
        key=f"{cause}:{repository.id}:{ref}:{event.sha}",
        repository=repository,
        sha=event.sha,
        cause=cause,
        ref=ref,
        base_sha=event.before,
        title=_first_line(event.message) or ref,
        message=event.message,
        sender=event.sender,
        # The forge lets only people with write access push to the repository itself.
        trust=Trust.TRUSTED,
    )
    started = starting.start(app, trigger)
    if event.branch == repository.default_branch:
        scheduling.note_push(app, repository, started.file)
    return started.reason


def _ref_deleted(app: App, event: RefDeleted, repository: Repository) -> str:
    if event.branch is None:
        return "tag deleted"
    ended = ending.end_waiting_of_branch(app, repository, event.branch)
    return f"branch deleted, {ended} waiting runs cancelled"


def _start_newest_head(app: App, event: ChangeUpdated, repository: Repository) -> str:
    """The forge's own state decides which head is newest: this delivery may be late (cases C11).

    What it says of its sender and its time is true of its own head only.
    """
    forge = app.forge_of(repository)
    change = forge.change(repository, event.number)
    if not change.is_open:
        return "the change is closed"
    if change.head != event.head:
        return "an older head; the newest has a delivery of its own"
    vouches = event.action in ("opened", "synchronize")
    trust = trusting.trust_of(app, repository, change, event.sender, vouches=vouches)
    trigger = Trigger(
        key=f"{Cause.CHANGE}:{repository.id}:{change.number}:{change.base_ref}:{change.head}",
        repository=repository,
        sha=change.head,
        cause=Cause.CHANGE,
        ref=change.head_ref,
        own_branch=change.head_ref if change.head_repository == repository.forge_id else "",
        base_ref=change.base_ref,
        base_sha=change.base_sha,
        change=change.number,
        title=change.title,
        message=forge.commit_message(repository, change.head),
        draft=change.draft,
        author=change.author.id,
        sender=event.sender,
        trust=trust,
        approved=trust is Trust.UNTRUSTED and trusting.may_run_unasked(app, repository, change, event.sender),
        head_at=event.updated_at,
        sharing=Sharing.NONE if event.action == "retargeted" else Sharing.ALL,
    )
    return starting.start(app, trigger).reason


def _change_closed(app: App, event: ChangeClosed, repository: Repository) -> str:
    change = app.forge_of(repository).change(repository, event.number)
    if change.is_open:
        return "the change is open again"
    own_branch = change.head_ref if change.head_repository == repository.forge_id else ""
    words = f"{app.dialect_of(repository).change} closed"
    ended = ending.end_change(app, repository, event.number, own_branch, Reason.CLOSED, words)
    return f"closed, {ended} runs cancelled"


def _merge_group(app: App, event: MergeGroupAsked | MergeGroupGone, repository: Repository) -> str:
    match event:
        case MergeGroupAsked():
            trigger = Trigger(
                key=f"{Cause.MERGE_QUEUE}:{repository.id}:{event.sha}",
                repository=repository,
                sha=event.sha,
                cause=Cause.MERGE_QUEUE,
                ref=event.ref,
                base_ref=event.base_ref,
                base_sha=event.base_sha,
                title=_first_line(event.message) or event.ref,
                sender=event.sender,
                # Only who may merge can put something into the queue.
                trust=Trust.TRUSTED,
            )
            return starting.start(app, trigger).reason
        case MergeGroupGone():
            ended = ending.end_merge_group(app, repository, event.sha, f"merge group {event.reason or 'gone'}")
            return f"merge group gone, {ended} runs cancelled"


def _known(app: App, seen: RepositorySeen) -> Repository:
    """As we know it; when the call describes it otherwise the forge is asked (cases C10, RELIABILITY S013)."""
    with app.work() as work:
        repository = work.repositories.see(seen)
    described = replace(seen, installation=seen.installation or repository.installation)
    if all(getattr(repository, name) == getattr(described, name) for name in RepositorySeen.__dataclass_fields__):
        return repository
    asked = replace(repository, installation=described.installation)
    now = app.forge_of(repository).repository(asked)
    with app.work() as work:
        return work.repositories.update(replace(now, installation=now.installation or described.installation))


def _first_line(message: str) -> str:
    return message.strip().partition("\n")[0][:200]

"""The fast half of intake: prove a webhook call and store it while the forge waits (RELIABILITY §6.6)."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass

from bot.app.context import App
from bot.domain.events import Ignored
from bot.domain.refs import ForgeName
from bot.ports.queue import HandleDelivery


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
    """Verify one webhook call and put it aside.

    Raises:
        BadSignature: not signed with a live secret; nothing was stored.
        BadInput: signed, but not to be understood.
        Gone: we know no such forge.
        StoreBusy: it could not be stored; the forge must send it again.
    """
    delivery = app.forge(forge).read(headers, body)
    if isinstance(delivery.event, Ignored):
        reason = delivery.event.reason
        with app.work() as work:
            work.deliveries.add(forge, delivery.key, delivery.name, b"", ignored=reason)
        return Answer(Outcome.IGNORED, reason)
    with app.work() as work:
        number, is_new = work.deliveries.add(forge, delivery.key, delivery.name, delivery.payload)
        if is_new:
            work.send(HandleDelivery(number))
    if is_new:
        return Answer(Outcome.STORED)
    return Answer(Outcome.DUPLICATE, "this delivery was received before")

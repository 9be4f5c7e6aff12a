"""The inbox: webhook calls, stored before they are answered."""

import enum
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.refs import ForgeName


class DeliveryStatus(enum.StrEnum):
    RECEIVED = "received"
    PROCESSED = "processed"
    IGNORED = "ignored"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredDelivery:
    id: int
    forge: ForgeName
    key: str
    name: str
    payload: bytes
    status: DeliveryStatus
    reason: str
    attempts: int
    age: float
    """Seconds since it came."""
    trace: str
    """The span in which it came, as a `traceparent`."""


class Deliveries(Protocol):
    """The inbox of webhook calls."""

    def add(
        self, forge: ForgeName, key: str, name: str, payload: bytes, *, ignored: str | None = None, trace: str = ""
    ) -> tuple[int, bool]:
        """Store a call; (its id, is it new or to be processed again).

        A key that is already there and was processed or ignored: False. One that was received but not finished, or
        failed: True, and it is due again at once. With `ignored` it is stored without its payload as ignored.
        """

    def knows(self, forge: ForgeName, key: str) -> bool:
        """Is there a call of that key, whatever became of it, unless it failed."""

    def claim(self, delivery: int, lease: float) -> StoredDelivery | None:
        """Take a due delivery for `lease` seconds and count the attempt; None if it is finished or taken."""

    def finish(self, delivery: int, status: DeliveryStatus, reason: str) -> None:
        """The payload of a finished delivery is dropped by retention, not here."""

    def postpone(self, delivery: int, seconds: float, reason: str, *, is_try: bool = True) -> None:
        """`is_try` False: the claim before does not count as an attempt."""

    def due(self, limit: int) -> Sequence[int]:
        """Received, not taken, and their time has come; oldest first."""

    def prune(self, older_than: float) -> int:
        """Drop the payloads of finished deliveries that many seconds old; the rows stay for deduplication."""

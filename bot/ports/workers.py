"""Which workers there are, what each can take, and which shall take no more."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.suites import Limits
from bot.domain.workers import Room, Worker


class Workers(Protocol):
    """A part of the store."""

    def announce(self, worker: Worker, seconds: float) -> Worker:
        """It is there for so many seconds, as it says; whether it is drained stays as it is here."""

    def leave(self, process: str) -> None:
        """It is not there any more."""

    def room(self, process: str, ceiling: Limits) -> Room | None:
        """What it has left, which nobody else learns until the end of the unit of work. None: it is unknown."""

    def every(self) -> Sequence[Worker]:
        """Those that are there, and those that are drained; by name."""

    def drain(self, name: str, *, draining: bool) -> Sequence[Worker]:
        """Those with that name, process or place, as they are from now on."""

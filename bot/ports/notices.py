"""Where notices go, and the table of those that are under way."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.notices import Message, Notice, NoticeState
from bot.domain.runs import BuildId, RunId
from bot.domain.suites import Notify


class Channel(Protocol):
    """One place that the operator set up."""

    def send(self, message: Message) -> None:
        """Say it; twice is possible after a crash, with the same key.

        Raises:
            Refused: it will never be taken, and why.
            Unavailable: not now.
        """


class Notices(Protocol):
    def add(self, build: BuildId, wanted: Notify) -> None: ...

    def of_run(self, run: RunId) -> Sequence[int]:
        """Numbers of the pending ones whose build counts on the run."""

    def of_build(self, build: BuildId) -> Sequence[Notice]: ...

    def recent(self, limit: int) -> Sequence[Notice]:
        """Newest first."""

    def due(self, limit: int) -> Sequence[int]:
        """Pending ones whose time has come and whose build has ended, oldest first."""

    def claim(self, number: int, seconds: float) -> Notice | None:
        """For so many seconds nobody else sends it; None: it isn't pending, not due, or another has it."""

    def settle(self, number: int, state: NoticeState, error: str = "", *, again_in: float = 0.0) -> None:
        """After a try; a pending one is tried again in so many seconds."""

    def again(self, number: int) -> bool:
        """Send one that ended once more; False: there is none, or it is pending."""

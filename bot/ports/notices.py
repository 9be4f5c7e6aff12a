"""Where notices go, and the table of those that are under way."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.notices import Message, Notice, NoticeState
from bot.domain.refs import RepositoryId
from bot.domain.runs import BuildId, RunId
from bot.domain.suites import Notify


class Channel(Protocol):
    """One place that somebody set up."""

    @property
    def kind(self) -> str:
        """The word before the `+` or `:` of its address."""

    def send(self, message: Message) -> None:
        """Say it; twice is possible after a crash, with the same key.

        Raises:
            Refused: it will never be taken, and why.
            Unavailable: not now.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class StoredChannel:
    """One that belongs to a repository; no other can name it."""

    repository: RepositoryId
    name: str
    kind: str
    """The word before the `+` or `:` of its address."""
    address: bytes = field(repr=False)
    """As the vault sealed it."""
    created_at: float
    """Seconds since 1970; of this address."""
    actor: str
    """Who set it up."""


class OwnChannels(Protocol):
    """A part of the store: channels that repositories have of their own."""

    def put(self, repository: RepositoryId, name: str, kind: str, address: bytes, actor: str) -> bool:
        """Write it in place of what was there; True when it is new."""

    def of_repository(self, repository: RepositoryId) -> Sequence[StoredChannel]:
        """By name."""

    def get(self, repository: RepositoryId, name: str) -> StoredChannel | None: ...

    def remove(self, repository: RepositoryId, name: str) -> bool: ...

    def every(self) -> Sequence[StoredChannel]: ...

    def page(self, limit: int, *, after: tuple[RepositoryId, str]) -> Sequence[StoredChannel]:
        """By repository and name, from behind that one."""

    def reseal(self, channel: StoredChannel, address: bytes) -> bool:
        """The same address under another key; False and no effect when it was written or removed meanwhile."""


class Notices(Protocol):
    def add(self, build: BuildId, wanted: Notify, *, bisection: int | None = None) -> int:
        """Its number. `bisection`: the search whose end it tells."""

    def of_run(self, run: RunId) -> Sequence[int]:
        """Numbers of the pending ones whose build counts on the run."""

    def of_build(self, build: BuildId) -> Sequence[Notice]: ...

    def recent(
        self, limit: int, *, before: int | None = None, repository: RepositoryId | None = None
    ) -> Sequence[Notice]:
        """Newest first; of all builds, or of those of one repository; `before`: only smaller numbers."""

    def due(self, limit: int) -> Sequence[int]:
        """Pending ones whose time has come and whose build has ended, oldest first."""

    def claim(self, number: int, seconds: float) -> Notice | None:
        """For so many seconds nobody else sends it; None: it isn't pending, not due, or another has it."""

    def settle(self, number: int, state: NoticeState, error: str = "", *, again_in: float = 0.0) -> None:
        """After a try; a pending one is tried again in so many seconds."""

    def again(self, number: int, *, repository: RepositoryId | None = None) -> bool:
        """Send one that ended once more; False: there is none (in that repository), or it is pending."""

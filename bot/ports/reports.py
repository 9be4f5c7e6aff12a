"""The outbox: checks as they shall be, on their way to the forge. A part of the store."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from bot.domain.refs import RepositoryId, Sha
from bot.domain.runs import BuildId, RunId


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """The intended state of one check name on one commit, on its way to the forge (RELIABILITY §6.7)."""

    id: int
    repository: RepositoryId
    sha: Sha
    name: str
    build: BuildId
    """The build that speaks through it now."""
    run: RunId | None
    """The run that it shows; None: the aggregate of the build."""
    version: int
    sent_version: int
    ref: str | None
    """The forge's id of the check that was sent last."""
    ended: bool
    """A completed state was sent to `ref`, so the next one needs a new check."""
    digest: str
    """Of what was sent last."""
    ambiguous: bool
    """An attempt to make the check got no clear answer."""
    attempts: int
    """Claims since it changed or was sent last, this one included."""
    fence: int
    """Which claim this is; an older one's `postpone` and `bury` have no effect."""


class Reports(Protocol):
    """The outbox: one row for each check name of a commit."""

    def own(
        self, repository: RepositoryId, sha: Sha, name: str, build: BuildId, run: RunId | None, pause: float = 0
    ) -> int:
        """Let this build (and run) speak through the check name from now on; makes it due in `pause` seconds; its id.

        What is due already, or waits for its time, stays so while there is a `pause`.
        """

    def touch(self, repository: RepositoryId, sha: Sha, name: str, pause: float = 0) -> int | None:
        """The visible state may have changed: make it due as `own`; its id. None when the name shows nothing yet.

        What is sent is rendered from the newest runs, so it does not matter whose change it was.
        """

    def claim(self, report: int, lease: float) -> Report | None:
        """Take a due report for `lease` seconds; None when nothing is to be sent, it's not due yet or taken.

        `ambiguous` when the claim before ran out: its sender may have made the check and died.
        """

    def sent(self, report: Report, *, ref: str, ended: bool, digest: str) -> bool:
        """Note that `report.version` is shown; True when a newer version waits already."""

    def postpone(self, report: Report, seconds: float, error: str, *, ambiguous: bool = False) -> None: ...

    def bury(self, report: Report, error: str) -> None:
        """Dead at this version; a later version is tried again."""

    def due(self, limit: int) -> Sequence[int]:
        """Unsent, their time has come, not taken; completed builds' first."""

    def at(self, repository: RepositoryId, sha: Sha) -> Sequence[Report]: ...

    def trouble(self, repository: RepositoryId, sha: Sha) -> str:
        """The last error of a buried report of that commit, or nothing."""

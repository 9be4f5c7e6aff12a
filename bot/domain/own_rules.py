"""What is set for one repository, within what the operator allows to all."""

from dataclasses import dataclass
from typing import Final

from bot.domain.quotas import Quotas
from bot.domain.suites import Network
from bot.domain.trust import ForkPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnRules:
    """None: as everywhere. Sizes in bytes, times in seconds."""

    fork_policy: ForkPolicy | None = None
    bare_commands: bool | None = None
    comments: bool | None = None
    network_default: Network | None = None
    network_forks: Network | None = None
    images_allowed: tuple[str, ...] = ()
    """Globs; empty: whatever the operator allows."""
    cpus_max: float | None = None
    memory_max: int | None = None
    disk_max: int | None = None
    pids_max: int | None = None
    timeout_max: int | None = None
    log_limit: int | None = None
    artifact_limit: int | None = None
    runs_max: int | None = None
    queue_max: int | None = None
    stranger_runs_max: int | None = None
    stranger_queue_max: int | None = None

    @property
    def quotas(self) -> Quotas:
        return Quotas(
            runs_max=self.runs_max,
            queue_max=self.queue_max,
            stranger_runs_max=self.stranger_runs_max,
            stranger_queue_max=self.stranger_queue_max,
        )


AS_EVERYWHERE: Final = OwnRules()

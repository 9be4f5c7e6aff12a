"""Where hostile code runs."""

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.domain.runs import RunId
from bot.domain.suites import Limits, Network


class Stop(enum.StrEnum):
    """Why we ended a container ourselves."""

    TIMEOUT = "timeout"
    CANCELLED = "cancelled"
    LOG_LIMIT = "log_limit"
    DISK_LIMIT = "disk_limit"
    LEASE_LOST = "lease_lost"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """One attempt of a run."""

    run: RunId
    attempt: int
    fence: int
    image: str
    script: str
    """Run by `sh -eu`."""
    env: Mapping[str, str]
    network: Network
    limits: Limits
    deadline: float
    """Seconds that it may run; only for the container's label, whoever calls decides by `should_stop`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How the container ended. `code` is None when the script could not be started at all."""

    code: int | None
    out_of_memory: bool = False
    stopped: Stop | None = None
    error: str = ""
    """The engine's words when `code` is None."""
    image_id: str = ""
    by_itself: bool = True
    """The script ended and said so; False: something ended the container before it could."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """The containers, networks, volumes and folders of one attempt that are still there."""

    run: RunId
    attempt: int
    fence: int
    age: float
    """Seconds since the youngest of them was made."""


class Sandbox(Protocol):
    """Every method may raise SandboxUnavailable: the engine is out of reach, full or broken; worth another try."""

    def ready(self) -> str | None:
        """Why no run can be taken now (engine gone, disk nearly full), or None."""

    def prepare(self, image: str, should_stop: Callable[[], Stop | None]) -> None:
        """Make sure that the image is there; pull it when it is missing. Returns early for a reason to stop.

        Raises:
            ImageMissing: nobody has it, or it can't be used.
        """

    def workspace(self, job: Job) -> Path:
        """A fresh, empty folder of the attempt, where the sources go; what was there before is removed."""

    def set_up(self, job: Job) -> None:
        """Make what `run` needs beside sources in the attempt's workspace; `run` does what was left out.

        Raises:
            ImageMissing: `prepare` did not find it.
        """

    def run(
        self,
        job: Job,
        *,
        write: Callable[[bytes], None],
        should_stop: Callable[[], Stop | None],
        on_start: Callable[[], None],
    ) -> Exit:
        """Run the script over the attempt's workspace to its end.

        `write` gets every byte of output in order, in pieces, while it runs. `should_stop` is asked several times a
        second, the first time before there is a container; a reason ends that (TERM, then KILL after the grace time).
        `on_start` is called once, as soon as the container runs. The stopped container stays until `remove`.
        """

    def remove(self, run: RunId, attempt: int) -> None:
        """Remove all that the attempt left in the engine and on disk; nothing there is fine."""

    def leftovers(self) -> Sequence[Leftover]:
        """What this installation has in the engine and on disk."""

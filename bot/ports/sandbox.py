"""Where hostile code runs."""

import enum
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final, Protocol

from bot.domain.findings import Finding
from bot.domain.runs import RunId
from bot.domain.suites import GIB, Limits, Network

FOLDER: Final = "/workspace/src"
"""Where the sources are for the script."""
SERVICE_LOG: Final = 64 * 1024
"""Bytes at the end of a service's output that are kept."""


class Stop(enum.StrEnum):
    """Why we ended a container ourselves."""

    TIMEOUT = "timeout"
    NO_OUTPUT = "no_output"
    CANCELLED = "cancelled"
    LOG_LIMIT = "log_limit"
    DISK_LIMIT = "disk_limit"
    LEASE_LOST = "lease_lost"
    SHUTDOWN = "shutdown"


@dataclass(frozen=True, slots=True)
class Listens:
    """Ready when it listens on a TCP port that others can reach."""

    port: int


@dataclass(frozen=True, slots=True)
class Answers:
    """Ready when it answers GET of that path with a status below 400."""

    port: int
    path: str


@dataclass(frozen=True, slots=True)
class Succeeds:
    """Ready when a shell command in its own container ends with 0."""

    command: str


Ready = Listens | Answers | Succeeds


@dataclass(frozen=True, slots=True, kw_only=True)
class JobService:
    """A container beside the script, which reaches it by its name."""

    name: str
    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None
    """Instead of the image's own, in words as a shell splits them; None: the image's. Its entry point stays."""
    memory: int = GIB
    """Bytes."""
    ready: Ready | None = None
    """None: ready as soon as it runs."""
    within: float = 30.0
    """Seconds."""


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
    services: tuple[JobService, ...] = ()
    user: tuple[int, int] | None = None
    """Numbers of the user and group that the script runs as, never root's; None: the sandbox's own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Exit:
    """How the container ended. `code` is None when the script could not be started at all."""

    code: int | None
    out_of_memory: bool = False
    out_of_processes: bool = False
    """The kernel refused it a process or thread more."""
    stopped: Stop | None = None
    error: str = ""
    """The engine's words when `code` is None."""
    service: str = ""
    """The service that did not become ready, so that the script was never started; `error` says why."""
    image_id: str = ""
    by_itself: bool = True
    """The script ended and said so; False: something ended the container before it could."""
    peak_memory: int | None = None
    """Bytes that the kernel counted at most, files that it kept in memory among them; None: nobody could say."""
    cpu_seconds: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Started:
    """An attempt whose script was started by a process that is gone."""

    env: Mapping[str, str]
    """What its container got, the image's variables among it."""
    age: float
    """Seconds since it was started."""
    is_live: bool
    """It has not ended yet."""


@dataclass(frozen=True, slots=True)
class Machine:
    """What the engine has for all containers."""

    cpus: float
    memory: int
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Leftover:
    """The containers, networks, volumes and folders of one attempt that are still there."""

    run: RunId
    attempt: int
    fence: int
    age: float
    """Seconds since the youngest of them was made."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileLimits:
    """How much is taken out of a workspace."""

    count: int = 1000
    size: int = GIB
    """Bytes of all files together."""
    looked_at: int = 200_000
    """Entries of folders."""
    depth: int = 64
    """Folders within folders."""


@dataclass(frozen=True, slots=True)
class Found:
    """A regular file. `content` gives at most `size` bytes and is closed when the next one is asked for."""

    path: str
    """Relative, in printable characters: others, and bytes that are not UTF-8, stand as `\\u202e` or `\\xff`."""
    size: int
    content: BinaryIO


@dataclass(frozen=True, slots=True)
class Skipped:
    """What was wanted but not taken."""

    path: str
    reason: str


class Sandbox(Protocol):
    """Every method may raise SandboxUnavailable: the engine is out of reach, full or broken; worth another try."""

    def ready(self) -> str | None:
        """Why no run can be taken now, or None: the engine is gone, the disk nearly full, or no container starts.

        After one that could not be started nothing can be taken until a probe of our own has passed.
        """

    def exposure(self) -> str:
        """Why runs with the internet reach this machine and private networks as well; nothing when they don't."""

    def advice(self) -> Sequence[Finding]:
        """What the operator should know of the engine; nothing when all is as it should be."""

    def probe(self, network: Network) -> float:
        """Start a container that does nothing, with that network, and remove it; the seconds that it took."""

    def machine(self) -> Machine: ...

    def prepare(self, image: str, should_stop: Callable[[], Stop | None]) -> None:
        """Make sure that an image, the job's or a service's, is there; pull it when it is missing.

        Returns early for a reason to stop.

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
        """Run the script over the attempt's workspace to its end, once all services are ready.

        `write` gets every byte of output in order, in pieces, while it runs. `should_stop` is asked several times a
        second, the first time before there is a container; a reason ends that (TERM, then KILL after the grace time),
        but for `SHUTDOWN`, which leaves a script that was started to whoever resumes it.
        `on_start` is called once, as soon as the container runs. The stopped container stays until `remove`.
        """

    def started(self, run: RunId, attempt: int) -> Started | None:
        """None when there is no such attempt any more, or nobody can go on with it."""

    def resume(self, job: Job, *, write: Callable[[bytes], None], should_stop: Callable[[], Stop | None]) -> Exit:
        """Go on with an attempt that was started by a process that is gone, as `run` would.

        `write` gets all of its output, from the first byte on.
        """

    def files(
        self, run: RunId, attempt: int, wanted: Callable[[str], bool], limits: FileLimits
    ) -> Iterator[Found | Skipped]:
        """Files that an ended attempt left among its sources, in the order of their names.

        `wanted` is asked with each relative path as it is on disk (surrogates where it is not UTF-8). Links are not
        followed, and nothing but regular files is opened. Nothing there is fine.
        """

    def pack(self, run: RunId, attempt: int, wanted: Callable[[str], bool], limits: FileLimits) -> Iterator[bytes]:
        """Files and links that an ended attempt left among its sources, as an archive for `unpack`, in pieces.

        `wanted` is asked as in `files`; nothing of `.git` is taken.

        Raises:
            BadInput: there are none, or more than the limits allow.
        """

    def unpack(
        self,
        run: RunId,
        attempt: int,
        archive: BinaryIO,
        wanted: Callable[[str], bool],
        limits: FileLimits,
        should_stop: Callable[[], bool],
    ) -> bool:
        """Put what is wanted of an archive among the sources of an attempt that has not begun.

        What is there already stays, and no link is followed. False when `should_stop` said yes meanwhile; then, and
        after any error, nothing of the archive is there.

        Raises:
            BadInput: it is no whole archive of ours, or has more than the limits allow.
        """

    def service_log(self, run: RunId, attempt: int, name: str) -> bytes:
        """The last `SERVICE_LOG` bytes that a service printed; nothing when it never was or is gone."""

    def remove(self, run: RunId, attempt: int) -> None:
        """Remove all that the attempt left in the engine and on disk; nothing there is fine."""

    def leftovers(self) -> Sequence[Leftover]:
        """What this installation has in the engine and on disk."""

"""Running scripts in a sandbox: jobs, their results, and a Docker sandbox that cleans up."""

import contextlib
import secrets
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from bot.adapters.sandbox_docker import DockerSandbox
from bot.domain.runs import RunId
from bot.domain.suites import Guarding, Limits, Network
from bot.ports.sandbox import Exit, Job, Sandbox, Stop
from tests.images import BUSYBOX, DOCKER_HOST, busybox

PLAIN: Final = Job(
    run=RunId("plain"),
    attempt=1,
    fence=1,
    image=BUSYBOX,
    script="true",
    env={},
    network=Network.NONE,
    limits=Limits(),
    deadline=60.0,
)


@dataclass(frozen=True, slots=True)
class Ran:
    exit: Exit
    output: bytes
    starts: int

    @property
    def text(self) -> str:
        return self.output.decode()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()


def job(script: str, **changes: object) -> Job:
    """One of a run of its own."""
    own = replace(PLAIN, run=RunId(secrets.token_hex(6)), script=script)
    return replace(own, **changes)  # type: ignore[arg-type]  # replace() checks the names


def never() -> Stop | None:
    return None


def run(
    sandbox: Sandbox,
    wanted: Job,
    *,
    files: Mapping[str, bytes] | None = None,
    should_stop: Callable[[], Stop | None] = never,
    on_start: Callable[[], None] = lambda: None,
) -> Ran:
    """The whole way of an attempt but its removal. The files are executable."""
    sandbox.prepare(wanted.image, never)
    folder = sandbox.workspace(wanted)
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o755)
    pieces: list[bytes] = []
    starts: list[bool] = []

    def started() -> None:
        starts.append(True)
        on_start()

    end = sandbox.run(wanted, write=pieces.append, should_stop=should_stop, on_start=started)
    return Ran(end, b"".join(pieces), len(starts))


def after(asks: int, reason: Stop) -> Callable[[], Stop | None]:
    """A reason to stop from that question on."""
    asked: list[bool] = []

    def should_stop() -> Stop | None:
        asked.append(True)
        return reason if len(asked) > asks else None

    return should_stop


@contextlib.contextmanager
def docker_sandbox(
    folder: Path,
    *,
    host: str = DOCKER_HOST,
    grace: float = 1.0,
    patience: float = 20.0,
    measure_every: float = 5.0,
    firewall: Guarding = Guarding.AUTO,
) -> Iterator[DockerSandbox]:
    """One whose instance nobody shares; all that it left is removed at the end."""
    busybox()
    instance = f"test-{secrets.token_hex(4)}"
    place = folder / "runs"
    yield DockerSandbox(
        host, instance, place, grace=grace, patience=patience, measure_every=measure_every, firewall=firewall
    )
    cleaner = DockerSandbox(DOCKER_HOST, instance, place)
    for one in cleaner.leftovers():
        cleaner.remove(one.run, one.attempt)

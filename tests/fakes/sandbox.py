"""A sandbox without an engine: what a script prints and how it ends is said beforehand."""

import shutil
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from bot.domain.errors import ImageMissing, SandboxUnavailable
from bot.domain.runs import RunId
from bot.ports.sandbox import Exit, Job, Leftover, Stop

WELL: Final = Exit(code=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a script does."""

    output: bytes = b""
    exit: Exit = WELL
    endless: bool = False
    """It prints and then runs until it is stopped."""


class FakeSandbox:
    """Scripts it was told nothing about print nothing and end well. Keeps what was run and what is left."""

    def __init__(self, folder: Path, acts: Mapping[str, Act] | None = None) -> None:
        self._folder = folder
        self.acts: dict[str, Act] = dict(acts or {})
        self.absent: set[str] = set()
        """Images that nobody has."""
        self.trouble: str | None = None
        """What `ready` says."""
        self.broken: str = ""
        """While it is set, every method raises SandboxUnavailable with these words."""
        self.jobs: list[Job] = []
        self.prepared: list[str] = []
        self.removed: list[tuple[RunId, int]] = []
        self.left: dict[tuple[RunId, int], Leftover] = {}

    def ready(self) -> str | None:
        return self.broken or self.trouble

    def prepare(self, image: str, should_stop: Callable[[], Stop | None]) -> None:
        self._check()
        if image in self.absent or not image or image.startswith("-"):
            raise ImageMissing(f"there is no image {image}")
        self.prepared.append(image)

    def workspace(self, job: Job) -> Path:
        self.remove(job.run, job.attempt)
        self.left[job.run, job.attempt] = Leftover(job.run, job.attempt, job.fence, age=0.0)
        place = self._place(job.run, job.attempt)
        place.mkdir(parents=True)
        return place

    def set_up(self, job: Job) -> None:
        self._check()
        if job.image not in self.prepared:
            raise ImageMissing(f"there is no image {job.image}")

    def run(
        self,
        job: Job,
        *,
        write: Callable[[bytes], None],
        should_stop: Callable[[], Stop | None],
        on_start: Callable[[], None],
    ) -> Exit:
        self._check()
        self.jobs.append(job)
        if reason := should_stop():
            return Exit(code=None, stopped=reason)
        act = self.acts.get(job.script, Act())
        if act.exit.code is None and not act.endless:
            return act.exit
        on_start()
        for piece in (act.output[:1], act.output[1:]):
            write(piece)
        return _until_stopped(should_stop) if act.endless else act.exit

    def remove(self, run: RunId, attempt: int) -> None:
        self._check()
        self.removed.append((run, attempt))
        self.left.pop((run, attempt), None)
        shutil.rmtree(self._place(run, attempt), ignore_errors=True)

    def leftovers(self) -> Sequence[Leftover]:
        self._check()
        return list(self.left.values())

    def _place(self, run: RunId, attempt: int) -> Path:
        return self._folder / f"{run}-{attempt}"

    def _check(self) -> None:
        if self.broken:
            raise SandboxUnavailable(self.broken)


def _until_stopped(should_stop: Callable[[], Stop | None]) -> Exit:
    while (reason := should_stop()) is None:
        time.sleep(0.005)
    return Exit(code=137, stopped=reason, by_itself=False)

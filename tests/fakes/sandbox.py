"""A sandbox without an engine: what a script prints and how it ends is said beforehand."""

import json
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Final

from bot.domain.errors import BadInput, ImageMissing, SandboxUnavailable
from bot.domain.findings import Finding
from bot.domain.runs import RunId
from bot.domain.suites import Network
from bot.ports.sandbox import Exit, FileLimits, Found, Job, Leftover, Machine, Skipped, Started, Stop
from bot.ports.shells import Kept

WELL: Final = Exit(code=0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Act:
    """What a script does."""

    output: bytes = b""
    """`\x1e2:0\n` in it is the mark of the second command, after one that exited with 0."""
    exit: Exit = WELL
    endless: bool = False
    """It prints and then runs until it is stopped."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """What it leaves among the sources."""
    links: tuple[str, ...] = ()
    """Symbolic links that it leaves there, to nowhere."""


class FakeSandbox:
    """Scripts it was told nothing about print nothing and end well. Keeps what was run and what is left.

    Acts are found by the script, or by the name of the suite.
    """

    age = 1.0
    """Seconds since something was started that is resumed."""
    trouble: str | None = None
    """What `ready` says."""

    def __init__(self, folder: Path, acts: Mapping[str, Act] | None = None) -> None:
        self._folder = folder
        self.acts: dict[str, Act] = dict(acts or {})
        self.turns: dict[str, list[Act]] = {}
        """What a script does the first times, one after the other, before `acts` says it."""
        self.on_end: Callable[[], None] = lambda: None
        """What happens in the world as a script ends."""
        self.absent: set[str] = set()
        """Images that nobody has."""
        self.exposed: str = ""
        """What `exposure` says."""
        self.broken: str = ""
        """While it is set, every method raises SandboxUnavailable with these words."""
        self.advised: list[Finding] = []
        """What `advice` says."""
        self.jobs: list[Job] = []
        self.prepared: list[str] = []
        self.found: list[dict[str, bytes]] = []
        """What lay among the sources as each job began."""
        self.removed: list[tuple[RunId, int]] = []
        self.left: dict[tuple[RunId, int], Leftover] = {}
        self.service_logs: dict[str, bytes] = {}
        """What services print, by their names; one that is named in `unready` never gets ready."""
        self.unready: set[str] = set()
        self.going_on: dict[tuple[RunId, int], tuple[Job, Act, bytes]] = {}
        """What was started and left by a process that ended, with what it has printed so far."""

    def ready(self) -> str | None:
        return self.broken or self.trouble

    def exposure(self) -> str:
        return self.exposed

    def advice(self) -> Sequence[Finding]:
        self._check()
        return self.advised

    def probe(self, network: Network) -> float:
        self._check()
        return 0.5

    def machine(self) -> Machine:
        self._check()
        return Machine(cpus=64.0, memory=256 << 30)

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
        if never := [service.name for service in job.services if service.name in self.unready]:
            return Exit(code=None, error=f"service {never[0]} did not become ready", service=never[0])
        turns = self.turns.get(job.script)
        told = self.acts.get(job.script) or self.acts.get(job.env.get("ASSAY_SUITE", ""), Act())
        act = turns.pop(0) if turns else told
        if act.exit.code is None and not act.endless:
            return act.exit
        on_start()
        self.found.append(_files(self._place(job.run, job.attempt)))
        output = act.output.replace(b"\x1e", b"\x1e" + _word(job.script) + b":")
        for piece in (output[:1], output[1:]):
            write(piece)
        _leave(self._place(job.run, job.attempt), act)
        end = _until_stopped(should_stop) if act.endless else act.exit
        self.on_end()
        if end.stopped is Stop.SHUTDOWN:
            self.going_on[job.run, job.attempt] = (job, act, output)
        return end

    def started(self, run: RunId, attempt: int) -> Started | None:
        self._check()
        found = self.going_on.get((run, attempt))
        return None if found is None else Started(env=found[0].env, age=self.age, is_live=found[1].endless)

    def resume(self, job: Job, *, write: Callable[[bytes], None], should_stop: Callable[[], Stop | None]) -> Exit:
        """What it does from now on is `acts`' to say; the output of before comes again, and then what that says."""
        self._check()
        _, act, output = self.going_on[job.run, job.attempt]
        told = self.acts.get(job.env.get("ASSAY_SUITE", ""), act)
        write(output)
        if told is not act:
            write(told.output.replace(b"\x1e", b"\x1e" + _word(job.script) + b":"))
            _leave(self._place(job.run, job.attempt), told)
        end = _until_stopped(should_stop) if told.endless else told.exit
        if end.stopped is not Stop.SHUTDOWN:
            del self.going_on[job.run, job.attempt]
        return end

    def files(
        self, run: RunId, attempt: int, wanted: Callable[[str], bool], limits: FileLimits
    ) -> Iterator[Found | Skipped]:
        self._check()
        top, count, left = self._place(run, attempt), limits.count, limits.size
        for path in (Path(folder, name) for folder, _, names in sorted(os.walk(top)) for name in sorted(names)):
            name = str(path.relative_to(top))
            if not wanted(name):
                continue
            if path.is_symlink() or not path.is_file():
                yield Skipped(name, "it is no regular file")
            elif not count:
                yield Skipped(name, "there are too many files, this and what follows is left out")
                return
            elif path.stat().st_size > left:
                yield Skipped(name, "it is too large")
            else:
                count, left = count - 1, left - path.stat().st_size
                with path.open("rb") as content:
                    yield Found(name, path.stat().st_size, content)

    def pack(self, run: RunId, attempt: int, wanted: Callable[[str], bool], limits: FileLimits) -> Iterator[bytes]:
        self._check()
        found = {
            one.path: one.content.read() for one in self.files(run, attempt, wanted, limits) if isinstance(one, Found)
        }
        if not found:
            raise BadInput("there are none of its files")
        if sum(map(len, found.values())) > limits.size:
            raise BadInput("it is too large")
        yield json.dumps({path: content.decode() for path, content in found.items()}).encode()

    def unpack(
        self,
        run: RunId,
        attempt: int,
        archive: BinaryIO,
        wanted: Callable[[str], bool],
        limits: FileLimits,
        should_stop: Callable[[], bool],
    ) -> bool:
        self._check()
        if should_stop():
            return False
        try:
            files = json.loads(archive.read())
        except ValueError as error:
            raise BadInput("the archive is broken") from error
        if sum(map(len, files.values())) > limits.size:
            raise BadInput("it is too large")
        for path in filter(wanted, files):
            place = self._place(run, attempt) / path
            if not place.exists():
                place.parent.mkdir(parents=True, exist_ok=True)
                place.write_text(files[path])
        return True

    def service_log(self, run: RunId, attempt: int, name: str) -> bytes:
        self._check()
        started = [job for job in self.jobs if (job.run, job.attempt) == (run, attempt)]
        return self.service_logs.get(name, b"") if started and (run, attempt) in self.left else b""

    def remove(self, run: RunId, attempt: int) -> None:
        self._check()
        self.removed.append((run, attempt))
        self.going_on.pop((run, attempt), None)
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


def _word(script: str) -> bytes:
    """Of the marks that it makes."""
    found = re.search(r"\\036(\w+):", script)
    return found[1].encode() if found else b""


def _until_stopped(should_stop: Callable[[], Stop | None]) -> Exit:
    while (reason := should_stop()) is None:
        time.sleep(0.005)
    return Exit(code=137, stopped=reason, by_itself=False)


def _files(top: Path) -> dict[str, bytes]:
    return {str(path.relative_to(top)): path.read_bytes() for path in sorted(top.rglob("*")) if path.is_file()}


def _leave(top: Path, act: Act) -> None:
    for path in (top / name for name in (*act.files, *act.links)):
        path.parent.mkdir(parents=True, exist_ok=True)
    for name, content in act.files.items():
        (top / name).write_bytes(content)
    for name in act.links:
        (top / name).symlink_to("nowhere")


class FakeShells:
    """Keeps which jobs somebody went on with."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.opened: list[tuple[Job, str]] = []
        self.kept: list[tuple[Job, str]] = []

    def open(self, job: Job, folder: str) -> None:
        self.opened.append((job, folder))

    def keep(self, job: Job, folder: str) -> Kept:
        self.kept.append((job, folder))
        return Kept(f"shell-of-{job.run}", f"/workspace/src/{folder}", self._folder)

"""The sandbox port on a Docker engine."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, BinaryIO, Final

from docker.errors import NotFound

from bot.adapters.sandbox_docker import advising, folders, packing, probing, profile
from bot.adapters.sandbox_docker.collecting import collect
from bot.adapters.sandbox_docker.containers import Containers
from bot.adapters.sandbox_docker.engine import ENGINE_ERRORS, Engine, translated, words_of
from bot.adapters.sandbox_docker.firewall import Firewall
from bot.adapters.sandbox_docker.folders import SizeWatch
from bot.adapters.sandbox_docker.guarding import Guard
from bot.adapters.sandbox_docker.images import Image, Images
from bot.adapters.sandbox_docker.leftovers import leftovers, seconds_of
from bot.adapters.sandbox_docker.profile import END, GO, HOME, LOG, SOURCES, Attempt, Usage
from bot.adapters.sandbox_docker.services import Services
from bot.adapters.sandbox_docker.shells import DockerShells
from bot.adapters.sandbox_docker.stream import Pipe, Pipes, make_pipe
from bot.adapters.sandbox_docker.watching import ENDED, AskingSignal, EndWatch, Stopper
from bot.domain.errors import SandboxUnavailable
from bot.domain.findings import Finding
from bot.domain.runs import RunId
from bot.domain.suites import GIB, Guarding, Network
from bot.faultpoints import faultpoint
from bot.ports.sandbox import Exit, FileLimits, Found, Job, Leftover, Machine, Skipped, Started, Stop

NOBODY: Final = (65532, 65532)
"""The job's user and group where the worker is root and can give files away."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")
_ASK: Final = 0.05
"""Seconds between two questions whether to stop."""
_GATHER: Final = 0.005
_LITTLE: Final = 16 << 10
"""Bytes of output that are not worth a piece of their own: more is gathered for a moment."""
_SIGNALS: Final = 128
"""Exit codes from here on mean a signal."""


class DockerSandbox:
    def __init__(
        self,
        host: str,
        instance: str,
        folder: Path,
        *,
        grace: float = 10.0,
        patience: float = 60.0,
        measure_every: float = 5.0,
        reserve: int = 5 * GIB,
        reserve_share: float = 0.15,
        firewall: Guarding = Guarding.AUTO,
        allowed: Sequence[str] = (),
        now: Callable[[], float] = time.time,
    ) -> None:
        """A folder for each attempt is made in `folder`; the engine must see it at the same path.

        `instance` keeps installations that share an engine apart. `grace`: seconds between TERM and KILL. `patience`:
        seconds that the engine may be out of reach during a run. Work is taken while `reserve` bytes, or that share
        of the disk if it is less, are free. `firewall`: keep runs with internet from the host and from private
        networks, but those `allowed`, by rules of iptables; without it they reach what any other container does.
        """
        self._engine = Engine(host)
        self._images = Images(self._engine)
        self.guard = Guard(self._engine, Firewall(allowed), firewall)
        self._containers = Containers(self._engine, self.guard)
        self._services = Services(self._engine, self._images, self._containers)
        self.shells = DockerShells(self._engine, self._containers, self._place_of)
        self._doubt = probing.Doubt(self.probe)
        self._waiting: dict[Attempt, str] = {}
        """Containers that are made and not started yet."""
        if not _NAME.fullmatch(instance):
            raise ValueError(f"not a name for containers: {instance!r}")
        self._instance = instance
        self._folder = folder.absolute()
        self._grace, self._patience, self._measure_every = grace, patience, measure_every
        self._reserve, self._reserve_share = reserve, reserve_share
        self._now = now
        self._is_root = os.geteuid() == 0
        self.user: tuple[int, int] = NOBODY if self._is_root else (os.geteuid(), os.getegid())
        """User and group of jobs that ask for no other; whoever fills a workspace does it as them."""

    def ready(self) -> str | None:
        try:
            self._engine.client(timeout=5).ping()
        except ENGINE_ERRORS as error:
            return f"the Docker engine does not answer: {words_of(error)}"
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
            disk = shutil.disk_usage(self._folder)
        except OSError as error:
            return f"the folder for workspaces can't be used: {error}"
        if words := self.guard.trouble():
            return words
        wanted = min(self._reserve, disk.total * self._reserve_share)
        if disk.free < wanted:
            return f"the disk is nearly full: {disk.free / GIB:.1f} GiB free, {wanted / GIB:.1f} GiB wanted"
        return self._doubt.trouble() or None

    def exposure(self) -> str:
        return self.guard.exposure()

    def advice(self) -> Sequence[Finding]:
        with translated("asking the engine about itself"):
            return tuple(advising.advice(self._engine.host, self._engine.client().info()))

    def probe(self, network: Network) -> float:
        began, job = time.monotonic(), probing.job(network)
        attempt = self._attempt(job.run, job.attempt)
        image = probing.image(self._engine)
        self.workspace(job)
        try:
            body = {**self._body(attempt, job, image), **probing.COMMAND}
            container = self._containers.create(attempt, job, body, self._place(attempt))
            probing.see_it_run(self._engine, self._containers, container)
        finally:
            self.remove(job.run, job.attempt)
        return time.monotonic() - began

    def machine(self) -> Machine:
        with translated("asking the engine about its machine"):
            return Machine(cpus=self._engine.cpus, memory=self._engine.memory)

    def prepare(self, image: str, should_stop: Callable[[], Stop | None]) -> None:
        self._images.prepare(image, should_stop)

    def workspace(self, job: Job) -> Path:
        place = self._place(self._attempt(job.run, job.attempt))
        if place.exists():  # made first and removed last, so without it nothing else is there
            self.remove(job.run, job.attempt)
        with _disk("making the workspace"):
            folders.make(place, (SOURCES, HOME), self._owner)
            return place / SOURCES

    def set_up(self, job: Job) -> None:
        if not self._unfit(job):
            attempt = self._attempt(job.run, job.attempt)
            image = self._images.find(job.image)
            with self._doubt.starting(job.network):
                self._waiting[attempt] = self._create(attempt, job, image)

    def run(
        self,
        job: Job,
        *,
        write: Callable[[bytes], None],
        should_stop: Callable[[], Stop | None],
        on_start: Callable[[], None],
    ) -> Exit:
        if words := self._unfit(job):
            return Exit(code=None, error=words)
        if reason := should_stop():
            return Exit(code=None, stopped=reason)
        attempt, image = self._attempt(job.run, job.attempt), self._images.find(job.image)
        if self._user(job) != self.user:
            with _disk("giving the workspace to its user"):
                folders.hand_over(self._place(attempt), (SOURCES, HOME), self._user(job))
        owner = self._user(job) if self._is_root else None
        with _disk("making the job's pipes"):
            make_pipe(self._place(attempt) / GO, owner)
        with self._pipes(attempt, partial(Pipe.make, owner=owner)) as pipes:
            with self._doubt.starting(job.network):
                container = self._waiting.pop(attempt, None) or self._create(attempt, job, image)
            if failed := self._wait_for_services(attempt, job, image, should_stop):
                return failed
            try:
                faultpoint("sandbox.after_create")
                with self._doubt.starting(job.network):
                    words = self._containers.start(container)
                if words:
                    return Exit(code=None, error=words, image_id=image.id)
                faultpoint("sandbox.after_start")
                on_start()
                ended = self._attend(container, job, pipes, write, should_stop)
                return replace(ended, image_id=image.id)
            except BaseException:
                self._containers.signal(container, "SIGKILL")
                raise

    def started(self, run: RunId, attempt: int) -> Started | None:
        which = self._attempt(run, attempt)
        with translated("looking for a container"):
            try:
                found = self._engine.client().inspect_container(which.name)
            except NotFound:
                return None
        state = found["State"]
        if state["Status"] == "created" or not all(
            path.exists() for path in (self._place(which), *self._kept(which))
        ):
            return None
        env = dict(one.partition("=")[::2] for one in found["Config"]["Env"] or ())
        age = max(0.0, self._now() - seconds_of(state["StartedAt"]))
        return Started(env=env, age=age, is_live=state["Status"] not in ENDED)

    def resume(self, job: Job, *, write: Callable[[bytes], None], should_stop: Callable[[], Stop | None]) -> Exit:
        attempt = self._attempt(job.run, job.attempt)
        with self._pipes(attempt, Pipe.again) as pipes:
            pipes.log.opened = True  # what can't be started has no script that somebody could go on with
            ended = self._attend(attempt.name, job, pipes, write, should_stop)
        with translated("looking for the container's image"):
            image = self._engine.client().inspect_container(attempt.name)["Image"]
        return replace(ended, image_id=str(image))

    def files(
        self, run: RunId, attempt: int, wanted: Callable[[str], bool], limits: FileLimits
    ) -> Iterator[Found | Skipped]:
        return collect(self._place(self._attempt(run, attempt)) / SOURCES, wanted, limits)

    def pack(self, run: RunId, attempt: int, wanted: Callable[[str], bool], limits: FileLimits) -> Iterator[bytes]:
        with _disk("reading the workspace"):
            yield from packing.pack(self._place(self._attempt(run, attempt)) / SOURCES, wanted, limits)

    def unpack(
        self,
        run: RunId,
        attempt: int,
        archive: BinaryIO,
        wanted: Callable[[str], bool],
        limits: FileLimits,
        should_stop: Callable[[], bool],
    ) -> bool:
        top = self._place(self._attempt(run, attempt)) / SOURCES
        with (
            _disk("filling the workspace"),
            contextlib.closing(packing.unpack(top, archive, wanted, limits, self._owner)) as entries,
        ):
            return not any(should_stop() for _ in entries)

    def service_log(self, run: RunId, attempt: int, name: str) -> bytes:
        return self._services.log(self._attempt(run, attempt), name)

    def remove(self, run: RunId, attempt: int) -> None:
        which = self._attempt(run, attempt)
        self._waiting.pop(which, None)
        self._containers.remove(which)
        with _disk("removing the workspace"):
            for path in (*self._kept(which), self._place(which)):
                folders.remove(path)

    def leftovers(self) -> Sequence[Leftover]:
        with translated("looking for leftovers"), _disk("looking for leftovers"):
            self._folder.mkdir(parents=True, exist_ok=True)
            return leftovers(self._engine.client(), self._instance, self._folder, self._now())

    def _attend(
        self,
        container: str,
        job: Job,
        pipes: Pipes,
        write: Callable[[bytes], None],
        should_stop: Callable[[], Stop | None],
    ) -> Exit:
        """Pass the output on until the container has ended, by itself or because of us."""
        size = self._size_watch(self._attempt(job.run, job.attempt), job)
        end = EndWatch(self._engine, container, self._patience)
        signal = AskingSignal(partial(self._containers.signal, container), partial(self._containers.usage, container))
        stopper = Stopper(signal, self._grace, self._patience)
        with size, end, self.guard.kept(with_internet=job.network is Network.INTERNET):
            _follow(pipes, write, lambda: Stop.DISK_LIMIT if size.exceeded else should_stop(), end, stopper)
        while piece := pipes.log.read(0):
            write(piece)
        pipes.hear_end()
        if not end.over.is_set():
            error = "" if stopper.leaves else "the container could not be stopped"
            return Exit(code=None, stopped=stopper.reason, error=error)
        ended = _exit(end.state, stopper.reason, pipes, signal.usage)
        return replace(ended, stopped=Stop.LOG_LIMIT) if should_stop() is Stop.LOG_LIMIT else ended

    def _size_watch(self, attempt: Attempt, job: Job) -> SizeWatch:
        limit = job.limits.disk
        beside = partial(self._services.exceed, attempt, limit) if job.services else None
        return SizeWatch(self._place(attempt), limit, self._measure_every, beside)

    @contextlib.contextmanager
    def _pipes(self, attempt: Attempt, opened: Callable[[Path, Path], Pipe]) -> Iterator[Pipes]:
        with contextlib.ExitStack() as open_ones:
            pipes = []
            for name, kept in zip((LOG, END), self._kept(attempt), strict=True):
                with _disk("opening the job's pipes"):
                    pipes.append(opened(self._place(attempt) / name, kept))
                open_ones.callback(pipes[-1].close)
            yield Pipes(pipes[0], pipes[1], self._place(attempt) / GO)

    def _kept(self, attempt: Attempt) -> tuple[Path, Path]:
        """Where what came out of the pipes is; beside the folder, of which the job sees all."""
        place = self._place(attempt)
        return place.with_name(f"{place.name}.{LOG}"), place.with_name(f"{place.name}.{END}")

    @property
    def _owner(self) -> tuple[int, int] | None:
        """To whom files are given; None: they are the job's already."""
        return self.user if self._is_root else None

    def _user(self, job: Job) -> tuple[int, int]:
        return job.user or self.user

    def _unfit(self, job: Job) -> str:
        if words := profile.unfit(job):
            return words
        if self._is_root or self._user(job) == self.user:
            return ""
        theirs, ours = (":".join(map(str, user)) for user in (self._user(job), self.user))
        return f"only a worker that is root can run a suite as user {theirs}; this one runs suites as {ours}"

    def _attempt(self, run: RunId, number: int) -> Attempt:
        """Raises: ValueError for what can't be part of a name."""
        if not _NAME.fullmatch(run):
            raise ValueError(f"not a run id: {run!r}")
        return Attempt(self._instance, run, number)

    def _place(self, attempt: Attempt) -> Path:
        return self._folder / attempt.folder

    def _place_of(self, job: Job) -> tuple[Attempt, dict[str, Any], Path]:
        attempt = self._attempt(job.run, job.attempt)
        return attempt, self._body(attempt, job, self._images.find(job.image)), self._place(attempt)

    def _create(self, attempt: Attempt, job: Job, image: Image) -> str:
        container = self._containers.create(attempt, job, self._body(attempt, job, image), self._place(attempt))
        if job.services:
            self._services.start(attempt, job, cpus=self._engine.cpus, now=self._now())
        return container

    def _body(self, attempt: Attempt, job: Job, image: Image) -> dict[str, Any]:
        with translated("asking the engine about its machine"):
            cpus = self._engine.cpus
        return profile.container(
            attempt, job, image=image.id, volumes=image.volumes, user=self._user(job), cpus=cpus, now=self._now()
        )

    def _wait_for_services(
        self, attempt: Attempt, job: Job, image: Image, should_stop: Callable[[], Stop | None]
    ) -> Exit | None:
        if not job.services:
            return None
        return self._services.wait(attempt, job, self._body(attempt, job, image), should_stop)


def _follow(
    pipes: Pipes, write: Callable[[bytes], None], why_stop: Callable[[], Stop | None], end: EndWatch, stopper: Stopper
) -> None:
    """Ask often, write in pieces, and wake at once when the container ends."""
    asked, log = 0.0, pipes.log
    while not end.over.is_set() and not stopper.leaves and not stopper.is_futile:
        piece = log.read(0 if pipes.is_over else _ASK)
        if piece:
            write(piece)
        pipes.part(piece)
        if len(piece) < _LITTLE:
            end.over.wait(_GATHER if log.held else _ASK)
        if time.monotonic() - asked > _ASK:
            stopper.step(why_stop())
            asked = time.monotonic()


def _exit(state: Mapping[str, Any], stopped: Stop | None, pipes: Pipes, at_stop: Usage) -> Exit:
    """Without a shell that works the image's command ends at once, and nobody has opened a pipe."""
    told = pipes.told
    out_of_memory = profile.tells_out_of_memory(told) or bool(state["OOMKilled"])
    code = int(state["ExitCode"])
    if not pipes.log.opened and not stopped and not out_of_memory and 0 < code < _SIGNALS:
        return Exit(code=None, error=f"the image's /bin/sh could not be started (exit code {code})")
    usage = at_stop if stopped else profile.told_usage(told)
    return Exit(
        code=code,
        out_of_memory=out_of_memory,
        out_of_processes=profile.tells_out_of_processes(told),
        stopped=stopped,
        by_itself=pipes.is_over,
        peak_memory=usage.peak_memory,
        cpu_seconds=usage.cpu_seconds,
    )


@contextlib.contextmanager
def _disk(doing: str) -> Iterator[None]:
    """Raises: SandboxUnavailable when the disk is full or broken."""
    try:
        yield
    except OSError as error:
        raise SandboxUnavailable(f"{doing}: {error}") from error

"""The sandbox port on a Docker engine."""

import contextlib
import os
import re
import shutil
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import requests
import structlog
from docker.errors import APIError, ImageNotFound, NotFound

from bot.adapters.sandbox_docker import folders, profile
from bot.adapters.sandbox_docker.engine import (
    CALL,
    ENGINE_ERRORS,
    GONE,
    IN_THE_WAY,
    LONG_CALL,
    Engine,
    already,
    translated,
    words_of,
)
from bot.adapters.sandbox_docker.images import Images
from bot.adapters.sandbox_docker.leftovers import leftovers
from bot.adapters.sandbox_docker.profile import LOG, SOURCES, Attempt
from bot.adapters.sandbox_docker.stream import Output, drain, output
from bot.adapters.sandbox_docker.watching import EndWatch, Stopper
from bot.domain.errors import ImageMissing, SandboxUnavailable
from bot.domain.runs import RunId
from bot.domain.suites import GIB, Network
from bot.faultpoints import faultpoint
from bot.ports.sandbox import Exit, Job, Leftover, Stop

log = structlog.get_logger()

NOBODY: Final = (65532, 65532)
"""The job's user and group where the worker is root and can give files away."""

_ASK: Final = 0.05
"""Seconds between two questions whether to stop."""
_GATHER: Final = 0.005
_LITTLE: Final = 16 << 10
"""Bytes of output that are not worth a piece of their own: more is gathered for a moment."""
_REMOVAL: Final = 20.0
_NOT_RUNNABLE: Final = re.compile(r"exec:|no such file|permission denied|executable file|argument list", re.IGNORECASE)
_NO_SHELL: Final = (126, 127)


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
        min_free: int = 5 * GIB,
        min_free_share: float = 0.15,
        now: Callable[[], float] = time.time,
    ) -> None:
        """A folder for each attempt is made in `folder`; the engine must see it at the same path.

        `instance` keeps installations that share an engine apart. `grace`: seconds between TERM and KILL. `patience`:
        seconds that the engine may be out of reach during a run. Work is taken while `min_free` bytes, or that share
        of the disk if it is less, are free.
        """
        self._engine = Engine(host)
        self._images = Images(self._engine)
        self._instance = instance
        self._folder = folder.absolute()
        self._grace, self._patience, self._measure_every = grace, patience, measure_every
        self._min_free, self._min_free_share = min_free, min_free_share
        self._now = now
        self._is_root = os.geteuid() == 0
        self.user: tuple[int, int] = NOBODY if self._is_root else (os.geteuid(), os.getegid())
        """User and group of every job; whoever fills a workspace does it as them."""

    def ready(self) -> str | None:
        try:
            self._engine.client(timeout=5).ping()
            self._folder.mkdir(parents=True, exist_ok=True)
            disk = shutil.disk_usage(self._folder)
        except (*ENGINE_ERRORS, OSError) as error:
            return f"the Docker engine does not answer: {words_of(error)}"
        wanted = min(self._min_free, disk.total * self._min_free_share)
        if disk.free < wanted:
            return f"the disk is nearly full: {disk.free / GIB:.1f} GiB free, {wanted / GIB:.1f} GiB wanted"
        return None

    def prepare(self, image: str, should_stop: Callable[[], Stop | None]) -> None:
        self._images.prepare(image, should_stop)

    def workspace(self, job: Job) -> Path:
        self.remove(job.run, job.attempt)
        with _disk("making the workspace"):
            return folders.make(self._place(self._attempt(job)), SOURCES, self._owner)

    def run(
        self,
        job: Job,
        *,
        write: Callable[[bytes], None],
        should_stop: Callable[[], Stop | None],
        on_start: Callable[[], None],
    ) -> Exit:
        if words := profile.unfit(job):
            return Exit(code=None, error=words)
        attempt = self._attempt(job)
        image = self._images.find(job.image)
        with _disk("making the job's output"), output(self._place(attempt) / LOG, self._owner) as pipe:
            container = self._create(attempt, job)
            try:
                faultpoint("sandbox.after_create")
                if words := self._start(container):
                    return Exit(code=None, error=words, image_id=image.id)
                faultpoint("sandbox.after_start")
                on_start()
                return self._attend(attempt, job, container, pipe, write, should_stop)
            except BaseException:
                self._kill_anyway(container)
                raise

"""Does the engine start containers at all? One is tried that needs nothing of anybody (RELIABILITY F51)."""

import io
import secrets
import tarfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

from docker.errors import ImageNotFound

from bot.adapters.sandbox_docker.containers import Containers
from bot.adapters.sandbox_docker.engine import CALL, Engine, translated
from bot.adapters.sandbox_docker.images import Image
from bot.domain.errors import SandboxUnavailable
from bot.domain.runs import RunId
from bot.domain.suites import MIB, Limits, Network
from bot.ports.sandbox import Job

_NAME: Final = "assay-probe"
_TAG: Final = "1"
_INIT: Final = "/sbin/docker-init"
"""The engine puts it into every container that has an init, so that an image of nothing will do."""
COMMAND: Final[dict[str, Any]] = {"Entrypoint": [_INIT], "Cmd": ["--version"], "WorkingDir": "/"}
_PAUSE: Final = 15.0
"""Seconds between two probes of an engine that does not start containers."""
_LIMITS: Final = Limits(cpus=0.5, memory=64 * MIB, pids=16, disk=MIB, file=MIB, log=MIB)


def job(network: Network) -> Job:
    """As suites are run, but for its image and command."""
    return Job(
        run=RunId("probe"),
        attempt=secrets.randbelow(2**31),
        fence=0,
        image=_NAME,
        script="",
        env={},
        network=network,
        limits=_LIMITS,
        deadline=60.0,
    )


def image(engine: Engine) -> Image:
    """An image with nothing in it; made where it is missing."""
    with translated("making an image for the probe"):
        client: Any = engine.client()  # the stubs have no types for these calls
        try:
            return Image(client.inspect_image(f"{_NAME}:{_TAG}")["Id"], ())
        except ImageNotFound:
            nothing = io.BytesIO()
            tarfile.open(fileobj=nothing, mode="w").close()
            client.import_image_from_data(nothing.getvalue(), repository=_NAME, tag=_TAG)
        return Image(client.inspect_image(f"{_NAME}:{_TAG}")["Id"], ())


def see_it_run(engine: Engine, containers: Containers, container: str) -> None:
    """Raises: SandboxUnavailable."""
    if words := containers.start(container):
        raise SandboxUnavailable(f"starting the container: {words}")
    with translated("waiting for the container"):
        code = engine.client().wait(container, timeout=CALL)["StatusCode"]
    if code:
        raise SandboxUnavailable(f"the container ended with {code}")


class Doubt:
    """After a container that could not be started none is asked for until a probe has passed."""

    def __init__(self, probe: Callable[[Network], object], monotonic: Callable[[], float] = time.monotonic) -> None:
        self._probe, self._monotonic = probe, monotonic
        self._network: Network | None = None
        """That of the container; None: there is no doubt."""
        self._words = ""
        self._next = 0.0
        self._lock = threading.Lock()

    @contextmanager
    def starting(self, network: Network) -> Iterator[None]:
        try:
            yield
        except SandboxUnavailable as error:
            with self._lock:
                self._network, self._words, self._next = network, str(error), self._monotonic()
            raise

    def trouble(self) -> str:
        """Why nothing can be started now; one caller finds out at times, the others have its last word."""
        if self._network is None:
            return ""
        if self._monotonic() >= self._next and self._lock.acquire(blocking=False):
            try:
                self._find_out()
            finally:
                self._lock.release()
        return f"the Docker engine starts no containers: {self._words}" if self._network else ""

    def _find_out(self) -> None:
        if self._network is None:
            return
        try:
            self._probe(self._network)
        except SandboxUnavailable as error:
            self._words, self._next = str(error), self._monotonic() + _PAUSE
        else:
            self._network = None

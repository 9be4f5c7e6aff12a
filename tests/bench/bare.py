"""The bare engine: the same image, profile and network as a job's container, and nothing of ours around it."""

import contextlib
import secrets
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

import docker

from bot.adapters.sandbox_docker import profile
from bot.adapters.sandbox_docker.profile import Attempt
from bot.domain.suites import Network
from tests.images import DOCKER_HOST, busybox
from tests.sandboxes import job

UPTIME = "cat /proc/uptime"
"""What tells the time inside a container, to a hundredth of a second; its output is the suite's first byte."""


@dataclass(frozen=True, slots=True)
class Cycle:
    """Seconds."""

    first_byte: float
    """From the call to create on, by the container's own clock."""
    ended: float
    """From the last output until the engine said that it had ended."""


def client() -> docker.APIClient:
    return docker.APIClient(base_url=DOCKER_HOST, version="auto", timeout=60)


@contextlib.contextmanager
def network(engine: docker.APIClient) -> Iterator[str]:
    """A bridge as the sandbox makes one for each run."""
    name = f"assay-bench-{secrets.token_hex(4)}"
    engine.create_network(name, driver="bridge", options={"com.docker.network.bridge.enable_icc": "false"})
    try:
        yield name
    finally:
        engine.remove_network(name)


def cycle(engine: docker.APIClient, kind: Network) -> Cycle:
    """Create, start, first output, end, remove; a bridge is there before the clock runs."""
    with network(engine) if kind is Network.INTERNET else contextlib.nullcontext("none") as mode:
        return _cycle(engine, mode)


def _cycle(engine: docker.APIClient, mode: str) -> Cycle:
    began = time.clock_gettime(time.CLOCK_BOOTTIME)
    container = create(engine, UPTIME, mode)
    output = engine.attach(container, stdout=True, stderr=True, stream=True, logs=False)
    engine.start(container)
    told = float(b"".join(output).split()[0])
    engine.wait(container)
    ended = time.clock_gettime(time.CLOCK_BOOTTIME)
    engine.remove_container(container, v=True, force=True)
    return Cycle(told - began, ended - told)


def create(engine: docker.APIClient, script: str, mode: str, binds: Sequence[str] = ()) -> str:
    """A job's container in every respect but its workspace and its wrapper."""
    wanted = job(script, image=busybox())
    attempt = Attempt("bench", wanted.run, 1)
    body = profile.container(
        attempt, wanted, image=_image(), volumes=(), user=(65532, 65532), cpus=2, now=time.time()
    )
    body |= {"Entrypoint": ["/bin/sh", "-c"], "WorkingDir": "/"}
    body["HostConfig"] |= {"Binds": list(binds), "NetworkMode": mode}
    api: Any = engine  # the stubs have no types for the next call
    return str(api.create_container_from_config(body, attempt.name)["Id"])


@cache
def _image() -> str:
    engine: Any = client()
    try:
        return str(engine.inspect_image(busybox())["Id"])
    finally:
        engine.close()

"""What the demo wants from the Docker engine: its image, and that nothing is left."""

import contextlib
from collections.abc import Iterable
from typing import Final

import docker
from docker.errors import DockerException

from bot.demo.image import make_busybox

IMAGE: Final = "busybox:latest"
_PULL_LIMIT: Final = 15
"""Seconds without a byte from the registry after which the image is made here instead."""


class NoEngine(Exception):
    """No Docker engine answers; the text is for people."""


def provide_image(docker_host: str) -> str:
    """See to it that the engine has busybox; says where it came from.

    Raises:
        NoEngine: there is no engine.
        Gone: it can neither be pulled nor made.
    """
    with _client(docker_host) as client:
        try:
            client.ping()
        except DockerException as error:
            raise NoEngine(f"no Docker engine answers at {docker_host}") from error
        with contextlib.suppress(DockerException):
            client.images.get(IMAGE)
            return "was here"
        with contextlib.suppress(DockerException):
            client.images.pull(IMAGE)
            return "pulled"
    make_busybox(docker_host, IMAGE)
    return "made from this machine's own busybox"


def containers_of(docker_host: str, runs: Iterable[str]) -> list[str]:
    """Names of the containers that still exist for these runs."""
    with _client(docker_host) as client:
        return [
            str(container.name)
            for run in runs
            for container in client.containers.list(all=True, filters={"label": f"assay.run={run}"})
        ]


def _client(docker_host: str) -> contextlib.closing[docker.DockerClient]:
    try:
        return contextlib.closing(docker.DockerClient(base_url=docker_host, timeout=_PULL_LIMIT))
    except DockerException as error:
        raise NoEngine(f"no Docker engine answers at {docker_host}") from error

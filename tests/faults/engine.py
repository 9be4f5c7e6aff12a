"""What the Docker engine has of one installation, and what it said about its containers."""

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import docker
from docker.errors import APIError

from bot.demo.forge.hooks import wait_until
from tests.images import DOCKER_HOST, engine

_SEEN: Final = ("start", "die")


@dataclass(frozen=True, slots=True)
class Happened:
    """A container was started or has died."""

    what: str
    run: str
    attempt: str


@dataclass(slots=True)
class Engine:
    instances: tuple[str, ...]
    happened: list[Happened] = field(default_factory=list)

    def containers(self) -> list[str]:
        """Ids of those that run or have run."""
        return [each["Id"] for wanted in self._labels() for each in engine().containers(all=True, filters=wanted)]

    def left(self) -> list[str]:
        """Names of everything that is there."""
        return [name for wanted in self._labels() for name in _left(wanted)]

    def _labels(self) -> list[dict[str, str]]:
        return [{"label": f"assay.instance={instance}"} for instance in self.instances]

    def clear(self) -> None:
        """A process that was killed may have begun a removal, which the engine then goes on with for a while."""
        wait_until(self._is_clear, 20, "something could not be removed")

    def _is_clear(self) -> bool:
        for one in self.containers():
            with suppress(APIError):
                engine().remove_container(one, v=True, force=True)
        for wanted in self._labels():
            _clear_beside(wanted)
        return not self.left()


def _left(wanted: dict[str, str]) -> list[str]:
    containers = [each["Names"][0] for each in engine().containers(all=True, filters=wanted)]
    volumes = [f"volume {each['Name']}" for each in engine().volumes(filters=wanted)["Volumes"] or ()]
    networks = [f"network {each['Name']}" for each in engine().networks(filters=wanted)]
    return [*containers, *volumes, *networks]


def _clear_beside(wanted: dict[str, str]) -> None:
    for volume in engine().volumes(filters=wanted)["Volumes"] or ():
        with suppress(APIError):
            engine().remove_volume(volume["Name"])
    for network in engine().networks(filters=wanted):
        with suppress(APIError):
            engine().remove_network(network["Id"])


@contextmanager
def watched(*instances: str) -> Iterator[Engine]:
    """Listens to the engine meanwhile: it forgets what happened after 256 events."""
    watch = Engine(instances)
    client = docker.APIClient(base_url=DOCKER_HOST, version="auto", timeout=30)
    filters: dict[str, Any] = {"type": "container", "label": "assay.instance", "event": list(_SEEN)}
    stream = client.events(since=int(time.time()), filters=filters, decode=True)
    thread = threading.Thread(target=_listen, args=(stream, watch), name="engine-events", daemon=True)
    thread.start()
    try:
        yield watch
    finally:
        stream.close()
        thread.join(10)
        client.close()


def _listen(stream: Any, watch: Engine) -> None:  # noqa: ANN401  # the stubs don't know the stream
    for event in stream:
        labels = event["Actor"]["Attributes"]
        if labels["assay.instance"] not in watch.instances:
            continue
        watch.happened.append(Happened(event["Action"], labels["assay.run"], labels["assay.attempt"]))

"""What Docker engines have of one installation, and what they said about its containers."""

import contextlib
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any, Final

import docker
from docker.errors import APIError, DockerException
from requests.exceptions import RequestException
from urllib3.exceptions import HTTPError

from bot.demo.forge.hooks import wait_until
from tests.images import DOCKER_HOST, answers

_SEEN: Final = ("start", "die")
_AWAY: Final = (DockerException, RequestException, HTTPError, OSError)
_PAUSE: Final = 0.2


@dataclass(frozen=True, slots=True)
class Happened:
    """A container was started or has died."""

    what: str
    run: str
    attempt: str


@dataclass(slots=True)
class Engine:
    """All that are looked at, as one."""

    instances: tuple[str, ...]
    clients: Sequence[docker.APIClient]
    happened: list[Happened] = field(default_factory=list)

    def containers(self) -> list[str]:
        """Ids of those that run or have run."""
        return [each["Id"] for client, wanted in self._each() for each in client.containers(all=True, filters=wanted)]

    def left(self) -> list[str]:
        """Names of everything that is there."""
        return [name for client, wanted in self._each() for name in _left(client, wanted)]

    def _each(self) -> Iterator[tuple[docker.APIClient, dict[str, str]]]:
        for client in self.clients:
            for instance in self.instances:
                yield client, {"label": f"assay.instance={instance}"}

    def clear(self) -> None:
        """A process that was killed may have begun a removal, which the engine then goes on with for a while."""
        wait_until(self._is_clear, 20, "something could not be removed")

    def _is_clear(self) -> bool:
        for client, wanted in self._each():
            _clear(client, wanted)
        return not self.left()


def _left(client: docker.APIClient, wanted: dict[str, str]) -> list[str]:
    containers = [each["Names"][0] for each in client.containers(all=True, filters=wanted)]
    volumes = [f"volume {each['Name']}" for each in client.volumes(filters=wanted)["Volumes"] or ()]
    networks = [f"network {each['Name']}" for each in client.networks(filters=wanted)]
    return [*containers, *volumes, *networks]


def _clear(client: docker.APIClient, wanted: dict[str, str]) -> None:
    for container in client.containers(all=True, filters=wanted):
        with suppress(APIError):
            client.remove_container(container["Id"], v=True, force=True)
    for volume in client.volumes(filters=wanted)["Volumes"] or ():
        with suppress(APIError):
            client.remove_volume(volume["Name"])
    for network in client.networks(filters=wanted):
        with suppress(APIError):
            client.remove_network(network["Id"])


@contextmanager
def watched(*instances: str, hosts: Sequence[str] = (DOCKER_HOST,)) -> Iterator[Engine]:
    """Listens to the engines meanwhile: they forget what happened after 256 events, and all of it when they end."""
    with ExitStack() as stack:
        clients = [stack.enter_context(contextlib.closing(_client(host))) for host in hosts]
        watch = Engine(instances, clients)
        for host in hosts:
            stack.enter_context(_Ear(host, watch))
        yield watch


def _client(host: str) -> docker.APIClient:
    return docker.APIClient(base_url=host, version="auto", timeout=30)


class _Ear:
    """One engine's events. When it was away, what lives is compared with what lived before."""

    def __init__(self, host: str, watch: Engine) -> None:
        self._host, self._client, self._watch = host, _client(host), watch
        self._live: dict[str, Happened] = {}
        """By the container's id."""
        self._ended = threading.Event()
        self._stream: Any = None
        self._thread = threading.Thread(target=self._listen, name="engine-events", daemon=True)

    def __enter__(self) -> None:
        self._open()
        self._thread.start()

    def __exit__(self, *_: object) -> None:
        self._ended.set()
        self._stream.close()
        self._thread.join(10)
        self._client.close()

    def _open(self) -> None:
        filters: dict[str, Any] = {"type": "container", "label": "assay.instance", "event": list(_SEEN)}
        self._stream = self._client.events(since=int(time.time()), filters=filters, decode=True)

    def _listen(self) -> None:
        while not self._ended.is_set():
            with suppress(*_AWAY):
                for event in self._stream:
                    self._hear(event["Action"], event["Actor"]["ID"], event["Actor"]["Attributes"])
            if not self._ended.wait(_PAUSE) and answers(self._host):
                with suppress(*_AWAY):
                    self._open()
                    self._compare()

    def _compare(self) -> None:
        found = self._client.containers(filters={"label": "assay.instance"})
        for gone in set(self._live) - {each["Id"] for each in found}:
            self._hear("die", gone, {})
        for each in found:
            self._hear("start", each["Id"], each["Labels"])

    def _hear(self, what: str, container: str, labels: dict[str, str]) -> None:
        if what == "die":
            if begun := self._live.pop(container, None):
                self._watch.happened.append(Happened("die", begun.run, begun.attempt))
        elif labels["assay.instance"] in self._watch.instances and container not in self._live:
            self._live[container] = Happened("start", labels["assay.run"], labels["assay.attempt"])
            self._watch.happened.append(self._live[container])

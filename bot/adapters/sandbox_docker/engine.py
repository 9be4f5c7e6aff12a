"""The way to the Docker engine: one client per thread, and its errors in our words."""

import contextlib
import http.client
import threading
from collections.abc import Iterator
from typing import Any, Final

import docker
import requests
import urllib3
from docker.errors import APIError, DockerException

from bot.domain.errors import SandboxUnavailable

CALL: Final = 30
"""Seconds that an ordinary call may take; making and starting a container may take `LONG_CALL`."""
LONG_CALL: Final = 60

ENGINE_ERRORS: Final = (
    requests.RequestException,
    DockerException,
    urllib3.exceptions.HTTPError,
    http.client.HTTPException,
)
"""What a call can raise when the engine refuses, hangs or goes away, also in the middle of an answer."""

GONE: Final = 404
IN_THE_WAY: Final = 409


class _Client(docker.APIClient):
    """Threads come and go, and each one's connection has to go with it."""

    def __del__(self) -> None:
        self.close()


class Engine:
    def __init__(self, host: str) -> None:
        """`host` is an address as in DOCKER_HOST; nothing is asked yet."""
        self.host = host
        self._version = "auto"
        self._clients = threading.local()
        self._facts: dict[str, Any] = {}

    def client(self, timeout: int = CALL) -> docker.APIClient:
        """The calling thread's client, whose calls wait that long for an answer; the first asks for the version."""
        clients: dict[int, docker.APIClient] = vars(self._clients).setdefault("by_timeout", {})
        if timeout not in clients:
            clients[timeout] = _Client(base_url=self.host, version=self._version, timeout=timeout)
            self._version = clients[timeout].api_version
        return clients[timeout]

    @property
    def cpus(self) -> int:
        """How many the engine's machine has: asking for more is an error."""
        return int(self._of_machine("NCPU"))

    @property
    def memory(self) -> int:
        """Bytes of the engine's machine."""
        return int(self._of_machine("MemTotal"))

    def _of_machine(self, name: str) -> Any:
        if not self._facts:
            self._facts = self.client().info()
        return self._facts[name]


@contextlib.contextmanager
def translated(doing: str) -> Iterator[None]:
    """Raises: SandboxUnavailable for every error of the engine."""
    try:
        yield
    except ENGINE_ERRORS as error:
        raise SandboxUnavailable(f"{doing}: {words_of(error)}") from error


@contextlib.contextmanager
def already(*statuses: int) -> Iterator[None]:
    """Let these refusals pass: what was asked for is so already, or on its way."""
    try:
        yield
    except APIError as error:
        if error.status_code not in statuses:
            raise


def words_of(error: Exception) -> str:
    if isinstance(error, APIError) and error.explanation:
        return str(error.explanation)
    return str(error)

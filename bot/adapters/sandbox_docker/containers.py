"""An attempt's container, volume and network in the engine: made, checked, started, signalled and removed."""

import re
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any, Final

import requests
import structlog
from docker.errors import APIError, ImageNotFound, NotFound

from bot.adapters.sandbox_docker import profile
from bot.adapters.sandbox_docker.engine import (
    ENGINE_ERRORS,
    GONE,
    IN_THE_WAY,
    LONG_CALL,
    Engine,
    already,
    translated,
    words_of,
)
from bot.adapters.sandbox_docker.guarding import PLAIN, Guard
from bot.adapters.sandbox_docker.profile import Attempt, Usage
from bot.domain.errors import ImageMissing, SandboxUnavailable
from bot.domain.suites import Network
from bot.faultpoints import faultpoint
from bot.ports.sandbox import Job

log = structlog.get_logger()

_TRIES: Final = 2
_REMOVAL: Final = 20.0
"""Seconds that another's removal of the same container may take."""
_BRIEF: Final = 5
"""Seconds for an answer that is not worth waiting for."""
_NOT_RUNNABLE: Final = re.compile(r"exec|no such file|permission denied|argument list", re.IGNORECASE)
_ALONE: Final = re.compile(r"join network of a non running container", re.IGNORECASE)
"""The container whose network it shares has ended meanwhile."""


class Containers:
    def __init__(self, engine: Engine, guard: Guard) -> None:
        self._engine, self._guard = engine, guard

    def create(self, attempt: Attempt, job: Job, body: dict[str, Any], folder: Path) -> str:
        """The id of a container that is just as `body` asks and has never run, with its volume and network.

        Raises:
            ImageMissing: the image is gone.
            SandboxUnavailable: the engine can't, or made another container than it was asked for.
        """
        with translated("making the container"):
            if profile.network_mode(attempt, job) == "none":
                return self._create(attempt, body, folder)
            # Of all that is made here a network takes longest, and the container wants it only when it starts.
            with ThreadPoolExecutor(1, "sandbox-create") as thread:
                container = thread.submit(self._create, attempt, body, folder)
                self._make_network(attempt, job, body["Labels"])
                return container.result()

    def make(self, name: str, body: dict[str, Any]) -> str:
        """The id of a container of that name that is just as `body` asks. Raises errors of the engine, too."""
        container = self._made(name, body)
        found = profile.differences(body, self._engine.client().inspect_container(container))
        if found:
            self._discard(container)
            log.error("sandbox.wrong_container", container=name, differences=found)
            raise SandboxUnavailable(f"the engine made another container than asked for: {', '.join(found)}")
        return container

    def start(self, container: str) -> str:
        """Why it can't run, for a reason that lies in itself or its neighbour; nothing once it runs."""
        with translated("starting the container"):
            try:
                self._engine.client(LONG_CALL).start(container)
            except APIError as error:
                if not _is_its_own_fault(error):
                    raise
                return words_of(error)
        return ""

    def signal(self, container: str, signal: str) -> bool:
        """False when it does not run (any more); True also when the engine gave no clear answer."""
        try:
            self._engine.client().kill(container, signal)
        except ENGINE_ERRORS as error:
            if isinstance(error, APIError) and error.status_code in (GONE, IN_THE_WAY):
                return False
            log.warning("sandbox.signal_failed", signal=signal, error=words_of(error))
        return True

    def usage(self, container: str) -> Usage:
        """Up to now; nothing when the engine does not say so at once."""
        try:
            seen: dict[str, Any] = self._engine.client(_BRIEF).stats(container, stream=False, one_shot=True)
        except ENGINE_ERRORS as error:
            log.warning("sandbox.usage_unknown", error=words_of(error))
            return Usage()
        nanoseconds = (seen.get("cpu_stats") or {}).get("cpu_usage", {}).get("total_usage")
        memory = (seen.get("memory_stats") or {}).get("max_usage")
        return Usage(memory, None if nanoseconds is None else nanoseconds / 1e9)

    def remove(self, attempt: Attempt) -> None:
        """With the anonymous volumes of its image. Gone already, or being removed by another, is fine."""
        with translated(f"removing {attempt.name}"):
            try:
                self._discard(attempt.name)
            except NotFound:
                pass
            except APIError as error:
                if error.status_code != IN_THE_WAY:
                    raise
                self._until_gone(attempt.name)
            for name in self._beside(attempt):
                with already(GONE, IN_THE_WAY):
                    self._discard(name)
            faultpoint("janitor.while_removing")
            found = self._engine.client().volumes(filters=profile.filters(attempt))["Volumes"] or ()
            for volume in found:
                with already(GONE):
                    self._engine.client().remove_volume(volume["Name"])
            with already(GONE):
                self._engine.client().remove_network(attempt.name)

    def _create(self, attempt: Attempt, body: dict[str, Any], folder: Path) -> str:
        self._make_volume(attempt, body["Labels"], folder)
        return self.make(attempt.name, body)

    def _beside(self, attempt: Attempt) -> list[str]:
        """The other containers of the attempt: of its services, of shells."""
        found = self._engine.client().containers(all=True, filters=profile.filters(attempt))
        return [str(one["Id"]) for one in found]

    def _made(self, name: str, body: dict[str, Any]) -> str:
        """Its name is its own, so a container whose making was not answered is found again, not made twice."""
        for _ in range(_TRIES):
            try:
                api: Any = self._engine.client(LONG_CALL)  # the stubs have no types for the next call
                made = api.create_container_from_config(body, name)
            except ImageNotFound as error:
                raise ImageMissing(words_of(error)) from error
            except APIError as error:
                if error.status_code != IN_THE_WAY:
                    raise
                if present := self._adopted(name, body):
                    return present
            except requests.RequestException as error:
                log.warning("sandbox.create_unanswered", container=name, error=words_of(error))
            else:
                return str(made["Id"])
        raise SandboxUnavailable(f"no container could be made as {name}")

    def _adopted(self, name: str, body: dict[str, Any]) -> str:
        """The one that has the name, if it is of the same claim and never started; else it is removed."""
        present = self._engine.client().inspect_container(name)
        if present["State"]["Status"] == "created" and present["Config"]["Labels"].items() >= _identity(body).items():
            return str(present["Id"])
        self._discard(name)
        return ""

    def _make_volume(self, attempt: Attempt, labels: dict[str, str], folder: Path) -> None:
        """A volume that is the folder: the container's settings show no path of the host."""
        options = {"type": "none", "o": "bind", "device": str(folder)}
        self._engine.client().create_volume(attempt.name, driver="local", driver_opts=options, labels=labels)

    def _make_network(self, attempt: Attempt, job: Job, labels: dict[str, str]) -> None:
        with_internet = job.network is Network.INTERNET
        bridge = profile.bridge(attempt, self._guard.bridges() if with_internet else PLAIN)
        with already(IN_THE_WAY):
            self._engine.client().create_network(
                attempt.name,
                driver="bridge",
                options=profile.network_options(bridge, job),
                labels=labels,
                check_duplicate=True,
                internal=not with_internet,
            )
        self._guard.check(bridge)

    def _discard(self, container: str) -> None:
        self._engine.client(LONG_CALL).remove_container(container, v=True, force=True)

    def _until_gone(self, container: str) -> None:
        deadline = time.monotonic() + _REMOVAL
        while time.monotonic() < deadline:
            try:
                self._engine.client().inspect_container(container)
            except NotFound:
                return
            time.sleep(0.1)
        raise SandboxUnavailable(f"{container} is being removed, but does not go")


def _identity(body: dict[str, Any]) -> dict[str, str]:
    """The labels that tell one claim from another."""
    return {name: value for name, value in body["Labels"].items() if name != "assay.deadline"}


def _is_its_own_fault(error: APIError) -> bool:
    words = words_of(error)
    if error.status_code == IN_THE_WAY:
        return _ALONE.search(words) is not None
    return error.status_code == requests.codes.bad_request and _NOT_RUNNABLE.search(words) is not None

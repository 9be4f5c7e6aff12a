"""Services beside a job: started on the run's own network, waited for, measured, and their last words."""

import contextlib
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import structlog
from docker.errors import APIError, NotFound

from bot.adapters.sandbox_docker import folders, profile, service_profile
from bot.adapters.sandbox_docker.containers import Containers
from bot.adapters.sandbox_docker.engine import ENGINE_ERRORS, GONE, IN_THE_WAY, Engine, already, translated, words_of
from bot.adapters.sandbox_docker.images import Images
from bot.adapters.sandbox_docker.profile import Attempt
from bot.ports.sandbox import SERVICE_LOG, Exit, Job, JobService, Stop, Succeeds

log = structlog.get_logger()

_AT_ONCE: Final = 4
_ASK: Final = 0.05


@dataclass(slots=True, eq=False)
class _Question:
    """One service that is waited for."""

    service: JobService
    container: str
    deadline: float
    asked: str = ""
    """The exec or the container that asks at the moment."""
    answer: str = ""
    """The last one that was no yes."""


class Services:
    def __init__(self, engine: Engine, images: Images, containers: Containers) -> None:
        self._engine, self._images, self._containers = engine, images, containers

    def start(self, attempt: Attempt, job: Job, *, cpus: int, now: float) -> None:
        """Make and start all at once, on the network that is there already. What can't run is told by `wait`.

        Raises:
            ImageMissing, SandboxUnavailable.
        """

        def begin(wanted: JobService) -> None:
            image = self._images.find(wanted.image)
            body = service_profile.service(
                attempt, job, wanted, image=image.id, volumes=image.volumes, cpus=cpus, now=now
            )
            with translated(f"making service {wanted.name}"):
                container = self._containers.make(service_profile.service_name(attempt, wanted.name), body)
            self._containers.start(container)

        with ThreadPoolExecutor(_AT_ONCE, "sandbox-service") as pool:
            list(pool.map(begin, job.services))

    def wait(self, attempt: Attempt, job: Job, body: dict[str, Any], why: Callable[[], Stop | None]) -> Exit | None:
        """None once all are ready; else why the script is not started. `body` is what the job's container is."""
        began = time.monotonic()
        pending = [
            _Question(one, service_profile.service_name(attempt, one.name), began + one.within)
            for one in job.services
        ]
        with translated("waiting for services"):
            while pending:
                if reason := why():
                    return Exit(code=None, stopped=reason)
                for question in tuple(pending):
                    if words := self._trouble(question):
                        log.info("sandbox.service_not_ready", service=question.service.name, why=words)
                        return Exit(code=None, error=words, service=question.service.name)
                    if self._is_ready(attempt, body, question):
                        pending.remove(question)
                time.sleep(_ASK if pending else 0)
        return None

    def log(self, attempt: Attempt, name: str) -> bytes:
        with translated(f"reading the log of service {name}"):
            try:
                printed = self._engine.client().logs(service_profile.service_name(attempt, name))
            except NotFound:
                return b""
        return bytes(printed)[-SERVICE_LOG:]

    def exceed(self, attempt: Attempt, limit: int) -> bool:
        """Does what they wrote, in their layers or in one of their volumes, take more than that many bytes?

        Volumes can be measured only where the worker may read the engine's folder.
        """
        try:
            client = self._engine.client()
            wanted = {"label": [*profile.filters(attempt)["label"], "assay.service"]}
            layers = sum(one.get("SizeRw", 0) for one in client.containers(all=True, size=True, filters=wanted))
            volumes = client.volumes(filters=wanted)["Volumes"] or ()
        except ENGINE_ERRORS as error:
            log.warning("sandbox.services_not_measured", error=words_of(error))
            return False
        return layers > limit or any(folders.exceeds(place, limit) for place in _readable(volumes))

    def _trouble(self, question: _Question) -> str:
        """Why it will not become ready (any more), or nothing."""
        name, wanted = question.service.name, question.service
        state = self._engine.client().inspect_container(question.container)["State"]
        if state["Status"] == "created":
            return f"service {name} could not be started: {state['Error']}"
        if not state["Running"]:
            what = "ran out of memory" if state["OOMKilled"] else f"ended with exit code {state['ExitCode']}"
            return f"service {name} {what} before it was ready"
        if time.monotonic() > question.deadline:
            reason = service_profile.missing(wanted) + question.answer
            return f"service {name} did not become ready within {wanted.within:g}s: {reason}"
        return ""

    def _is_ready(self, attempt: Attempt, body: dict[str, Any], question: _Question) -> bool:
        match question.service.ready:
            case None:
                return True
            case Succeeds(command):
                return self._succeeds(question, command)
            case _:
                return self._is_answered(attempt, body, question)

    def _succeeds(self, question: _Question, command: str) -> bool:
        """One command at a time; nobody waits for one that hangs."""
        client = self._engine.client()
        with already(GONE, IN_THE_WAY):  # it ended meanwhile, which the next look tells
            if not question.asked:
                question.asked = client.exec_create(question.container, ["/bin/sh", "-c", command])["Id"]
                try:
                    client.exec_start(question.asked, detach=True)
                except APIError as error:
                    question.asked, question.answer = "", f" ({words_of(error)})"
                return False
            seen = client.exec_inspect(question.asked)
            if not seen["Running"] and seen["ExitCode"] is not None:
                question.asked, question.answer = "", f" (exit code {seen['ExitCode']})"
                return bool(seen["ExitCode"] == 0)
        return False

    def _is_answered(self, attempt: Attempt, body: dict[str, Any], question: _Question) -> bool:
        """A container asks until the answer is yes, and then ends."""
        if not question.asked:
            asking = service_profile.asking(question.service, body, self._id(question.container))
            question.asked = self._containers.make(
                service_profile.asking_name(attempt, question.service.name), asking
            )
            if words := self._containers.start(question.asked):
                question.answer = f" ({words})"
            return False
        state = self._engine.client().inspect_container(question.asked)["State"]
        if state["Status"] == "exited" and state["ExitCode"]:
            question.answer = _failed(state["ExitCode"])
        return bool(state["Status"] == "exited" and state["ExitCode"] == 0)

    def _id(self, container: str) -> str:
        return str(self._engine.client().inspect_container(container)["Id"])


def _failed(code: int) -> str:
    if code == service_profile.NO_TOOL:
        return " (the job's image has none of curl, wget, python3 and bash to ask with)"
    return f" (asking ended with exit code {code})"


def _readable(volumes: Iterable[Mapping[str, Any]]) -> Iterator[Path]:
    for volume in volumes:
        with contextlib.suppress(OSError):
            if (place := Path(volume["Mountpoint"])).is_dir():
                yield place

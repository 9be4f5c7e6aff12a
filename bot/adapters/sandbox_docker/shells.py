"""A shell in a container like the job's, over what its attempt left."""

import contextlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

from bot.adapters.sandbox_docker import profile, terminal
from bot.adapters.sandbox_docker.containers import Containers
from bot.adapters.sandbox_docker.engine import ENGINE_ERRORS, Engine, translated
from bot.adapters.sandbox_docker.profile import Attempt
from bot.domain.errors import SandboxUnavailable
from bot.ports.sandbox import Job
from bot.ports.shells import Kept

_ENTRY: Final = f"""\
export PATH="{profile.PATH}"
[ -z "$1" ] || cd -- "$1" || :
! command -v bash > /dev/null || exec bash
exec sh
"""

Place = Callable[[Job], tuple[Attempt, dict[str, Any], Path]]
"""A job's attempt, the body of its container, and its folder on disk."""


class DockerShells:
    def __init__(self, engine: Engine, containers: Containers, place: Place) -> None:
        self._engine, self._containers, self._place = engine, containers, place

    def open(self, job: Job, folder: str) -> None:
        container, _, _ = self._make(job, folder)
        wanted = {"stdin": 1, "stdout": 1, "stderr": 1, "stream": 1}
        with translated("opening a shell"):
            client: Any = self._engine.client()  # the stubs have no types for the next calls
            connection = client.attach_socket(container, params=wanted)
        with contextlib.closing(connection):
            self._start(container)
            terminal.tie(connection.fileno(), lambda rows, columns: self._resize(container, rows, columns))

    def keep(self, job: Job, folder: str) -> Kept:
        container, name, files = self._make(job, folder)
        self._start(container)
        inside = f"{profile.WORKSPACE}/{profile.SOURCES}/{folder}".rstrip("/")
        return Kept(name, inside, files / profile.SOURCES)

    def _make(self, job: Job, folder: str) -> tuple[str, str, Path]:
        """Id, name and files."""
        attempt, body, files = self._place(job)
        name = f"{attempt.name}-shell"
        body |= {"Entrypoint": ["/bin/sh", "-c", _ENTRY, "sh"], "Cmd": [folder], "Tty": True, "OpenStdin": True}
        with translated("making a container for the shell"):
            return self._containers.make(name, body), name, files

    def _start(self, container: str) -> None:
        if words := self._containers.start(container):
            raise SandboxUnavailable(f"the shell could not be started: {words}")

    def _resize(self, container: str, rows: int, columns: int) -> None:
        with contextlib.suppress(*ENGINE_ERRORS):  # it has ended, or is not there yet
            self._engine.client().resize(container, rows, columns)

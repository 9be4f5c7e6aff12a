"""Where a person goes on by hand with what an attempt left."""

from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.ports.sandbox import Job


@dataclass(frozen=True, slots=True)
class Kept:
    """A container that waits for somebody."""

    container: str
    """Its name."""
    folder: str
    """Where the suite's commands began, inside of it."""
    files: Path
    """The same files from outside."""


class Shells(Protocol):
    """Both make a container like the job's: image, user, variables, network, limits, and the workspace as it is now.

    What is not in the workspace, as `/tmp`, is new. The attempt must not be removed yet; its services still run.
    """

    def open(self, job: Job, folder: str) -> None:
        """A shell at the terminal that this process has, until it is left. `folder`: below the sources' root.

        Raises: SandboxUnavailable.
        """

    def keep(self, job: Job, folder: str) -> Kept:
        """A shell that waits until `Sandbox.remove`. Raises: SandboxUnavailable."""

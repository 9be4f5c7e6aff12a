"""Where people work: one repository at a forge, its webhooks, and what the forge shows."""

import random
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, Protocol

from tests.faults.quiet import CheckFact

PATIENCE = 300.0
"""Seconds for a forge to get rid of its webhooks; a receiver that is frozen costs it ten each."""


@dataclass(slots=True, eq=False)
class Change:
    site: "Site"
    it: Any
    """As its forge keeps it."""
    branch: str
    stranger: bool = False
    """From a fork of somebody whose code runs only after an approval."""

    @property
    def head(self) -> str:
        sha: str = self.it.head_sha
        return sha

    def __str__(self) -> str:
        return f"{self.site.name} {self.it.number}"


class Site(Protocol):
    name: str
    prefix: str
    """Of commands in comments."""
    writes: str
    """Where states of checks are written: a regular expression of paths."""
    reads: str
    """What a build needs, likewise."""
    has_buttons: bool
    takes_strangers: bool

    def hear_at(self, url: str) -> None:
        """From now on webhooks go to that web process, as behind a balancer."""

    def commit(self, branch: str, files: Mapping[str, str], *, stranger: bool = False) -> str: ...
    def open(self, branch: str, *, stranger: bool = False) -> Change: ...
    def close(self, change: Change) -> None: ...
    def say(self, change: Change, text: str) -> None: ...
    def has_ended(self, sha: str) -> bool:
        """Whether the commit's suite is shown as ended."""

    def press(self, sha: str) -> None:
        """Re-run, where there are buttons."""

    def may_approve(self, change: Change) -> bool:
        """An approval counts when it is younger than the commit."""

    def push_again(self, times: int) -> None:
        """The webhook of the last push once more."""

    def losing(self) -> AbstractContextManager[None]:
        """Webhooks of meanwhile do not arrive, and the forge knows it."""

    def shuffling(self, chance: random.Random) -> AbstractContextManager[None]:
        """Webhooks of meanwhile come afterwards, in any order."""

    def fail_next(self, path: str, method: str = "", how: Any = 500, **more: Any) -> None: ...  # noqa: ANN401  # as the pretend GitHub's
    def heal(self) -> None:
        """It fails no more."""

    def settle(self) -> None:
        """Wait until no webhook is on its way."""

    # -- what came of it
    def comments(self, change: Change) -> list[str]:
        """Ours."""

    def checks(self) -> list[CheckFact]: ...
    def answered(self) -> list[str]:
        """Keys of webhook calls that were answered with 2xx."""

    @property
    def secrets(self) -> Sequence[str]: ...
    @property
    def figures(self) -> dict[str, float]: ...

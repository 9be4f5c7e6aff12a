"""Where the demo plays: a pretend forge with people who open changes, and checks that it shows."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, TypeVar


class Change(Protocol):
    @property
    def number(self) -> int: ...
    @property
    def head_sha(self) -> str: ...


C = TypeVar("C", bound=Change)


@dataclass(frozen=True, slots=True, kw_only=True)
class Shown:
    """A check as the forge shows it."""

    name: str
    state: str
    """GitHub's words, on every forge."""
    title: str
    url: str
    run: str = ""
    """Our id of the run, where the forge keeps it."""
    summary: str | None = None
    """None: the forge shows no more than the title."""


class Stage(Protocol[C]):
    word: str
    """What a change is called here."""
    prefix: str
    """Stands before commands."""
    waiting: tuple[str, ...]
    """The states of the aggregate of a change that waits for its approval, and then when it has passed."""
    approved: tuple[str, ...]

    @property
    def url(self) -> str: ...
    def start(self, port: int) -> None:
        """Raises: OSError when the port is taken."""

    def stop(self) -> None: ...
    def settings(self, folder: Path) -> Mapping[str, str]:
        """What the server needs to know of this forge; secrets may be put into files of the folder."""

    def add_repository(self, path: str, files: Mapping[str, str], *, writer: str, stranger: str) -> None: ...
    def offer(self, front: Mapping[str, Callable[[], object]], each: Mapping[str, Callable[[C], object]]) -> None:
        """Buttons of the forge's page: on the front, and under every open change."""

    def open(self, branch: str, title: str, files: Mapping[str, str], author: str, *, forked: bool) -> C: ...
    def replace(self, change: C, path: str, old: str, new: str, message: str) -> None:
        """A further commit where the change comes from, by its author; nothing when its fork is gone."""

    def close(self, change: C, author: str) -> None: ...
    def page_of(self, change: C) -> str: ...
    def is_later(self, change: C) -> bool:
        """Would a comment now be younger than the change's last commit."""

    def comment(self, change: C, author: str, body: str) -> int: ...
    def reactions(self, comment: int) -> list[str]:
        """As GitHub calls them."""

    def shown(self, change: C) -> list[Shown]:
        """On its head; those of one name oldest first."""

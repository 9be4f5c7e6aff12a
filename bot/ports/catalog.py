"""The store's catalog: registered suites and environments."""

from collections.abc import Sequence
from typing import Protocol

from bot.domain.catalog import Entry, Kind


class Catalog(Protocol):
    def add(self, kind: Kind, key: str, name: str, definition: str, actor: str) -> Entry | None:
        """Version 1 under that id; None: one of that kind that is not removed has the name."""

    def get(self, kind: Kind, key: str, version: int | None = None) -> Entry:
        """That version, also of a removed one; without it the newest, unless it is removed. Raises: Gone."""

    def replace(self, before: Entry, name: str, definition: str, actor: str) -> Entry | None:
        """A new version; None: `before` is not the newest any more, or another one has the name."""

    def remove(self, before: Entry) -> bool:
        """False: `before` is not the newest any more."""

    def known(self, kind: Kind, limit: int, after: int = 0) -> Sequence[Entry]:
        """The newest versions of those with a larger number, unless removed, in the order of their numbers."""

    def versions(self, kind: Kind, key: str) -> Sequence[Entry]:
        """Oldest first; nothing when there is no such one. Also of a removed one."""

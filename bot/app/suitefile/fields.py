"""The keys of one mapping, sorted into those we read and problems."""

from collections.abc import Callable
from collections.abc import Mapping as Table
from dataclasses import dataclass
from typing import TypeVar

from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.keys import Keys
from bot.app.suitefile.reading import Mapping, Node

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Fields:
    nodes: Table[str, Node]
    where: str
    found: Findings

    def get(self, key: str, read: Callable[[Node, str, Findings], T | None]) -> T | None:
        """What `read` makes of the value; None when there is none."""
        node = self.nodes.get(key)
        if node is None:
            return None
        return read(node, f"{self.where}.{key}" if self.where else key, self.found)


def fields(table: Mapping, keys: Keys, where: str, found: Findings) -> Fields:
    for key, _ in table.entries:
        if key.value in keys.later:
            found.add("C103", key.place, f"{quoted(key.value)} is not supported by this version of Assay yet")
        elif key.value not in keys.read:
            found.add("C101", key.place, f"{quoted(key.value)} is not a known key here", keys.guess(key.value))
    return Fields({key.value: node for key, node in table.entries}, where, found)

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
    there: frozenset[str]
    """All that is written, also what is refused: nothing is called missing because it is wrong."""
    where: str
    found: Findings

    def get(self, key: str, read: Callable[[Node, str, Findings], T | None]) -> T | None:
        """What `read` makes of the value; None when there is none."""
        node = self.nodes.get(key)
        if node is None:
            return None
        return read(node, f"{self.where}.{key}" if self.where else key, self.found)


def fields(table: Mapping, keys: Keys, where: str, found: Findings) -> Fields:
    nodes = {}
    for key, node in table.entries:
        if key.value not in keys.names:
            found.add("C101", key.place, f"{quoted(key.value)} is not a known key here", keys.guess(key.value))
        elif f"{keys.section}.{key.value}" in found.later:
            found.add("C103", key.place, f"{quoted(key.value)} is not supported by this version of Assay yet")
        else:
            nodes[key.value] = node
    return Fields(nodes, frozenset(key.value for key, _ in table.entries), where, found)

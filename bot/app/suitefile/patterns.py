"""Globs: one text or a list of them."""

from collections.abc import Callable
from typing import Final

from bot.app import globs
from bot.app.suitefile import values
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.placeholders import template
from bot.app.suitefile.reading import Items, Node, Text

GLOBS_MAX: Final = 100
GLOB_MAX: Final = 256
"""Characters."""


def branches(node: Node, where: str, found: Findings) -> tuple[str, ...]:
    return _values(_words(node, where, found, values.text, globs.branch_fault))


def labels(node: Node, where: str, found: Findings) -> tuple[str, ...]:
    return _values(_words(node, where, found, values.text, globs.label_fault))


def paths(node: Node, where: str, found: Findings) -> tuple[Text, ...]:
    """Paths below the root of the commit, in which values of the matrix may be named."""
    return _words(node, where, found, template, globs.path_fault)


def path_fault(glob: str) -> str:
    """Why a filled glob can match no path, or nothing."""
    return _fault(glob, globs.path_fault)


def _words(
    node: Node,
    where: str,
    found: Findings,
    read: Callable[[Node, str, Findings], Text | None],
    fault: Callable[[str], str],
) -> tuple[Text, ...]:
    nodes = node.nodes if isinstance(node, Items) else (node,)
    words = tuple(word for one in nodes if (word := read(one, where, found)) is not None)
    for word in words:
        why = "" if word.placeholder else _fault(word.value, fault)
        if why:
            found.add("C109", word.place, f"{where}: {quoted(word.value)}: {why}")
    if not nodes:
        found.add("C109", node.place, f"{where}: an empty list matches nothing", "leave it out to filter nothing")
    elif words and all(word.value.startswith("!") for word in words):
        found.add("C109", node.place, f"{where}: exclusions alone match nothing", 'put "**" before them')
    if len(words) > GLOBS_MAX:
        found.add("C109", node.place, f"{where}: there are more than {GLOBS_MAX} globs")
    return words


def _fault(glob: str, fault: Callable[[str], str]) -> str:
    return fault(glob) if len(glob) <= GLOB_MAX else f"a glob has at most {GLOB_MAX} characters"


def _values(words: tuple[Text, ...]) -> tuple[str, ...]:
    return tuple(word.value for word in words)

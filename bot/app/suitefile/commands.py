"""`run`: one script, or a list of commands."""

from dataclasses import dataclass
from typing import Final

from bot.app.suitefile import values
from bot.app.suitefile.findings import Findings
from bot.app.suitefile.reading import Broken, Items, Mapping, Node, Text

SCRIPT_MAX: Final = 128 * 1024 - 1
"""Bytes; the longest argument that Linux hands to a program."""
LIST_MAX: Final = 56 * 1024
"""Bytes of all commands of a list: the script that is made of them shows each before it runs it."""

_ADVICE: Final = "commands get values from environment variables: $NAME"
_FILE: Final = "put it into a file of the repository"


@dataclass(frozen=True, slots=True)
class Commands:
    lines: tuple[str, ...]
    is_script: bool


def commands(node: Node, where: str, found: Findings) -> Commands | None:
    match node:
        case Text():
            word = values.text(node, where, found, _ADVICE)
            return _script(word, where, found) if word else None
        case Items():
            return _list(node, where, found)
        case Mapping():
            advice = 'a command that holds ": " must be quoted; several commands are a list'
            found.add("C109", node.place, f"{where}: this must be text or a list of texts, not a mapping", advice)
        case Broken():
            pass
    return None


def _script(node: Text, where: str, found: Findings) -> Commands:
    if not node.value.strip():
        found.add("C109", node.place, f"{where}: there is no command")
    if _size(node.value) > SCRIPT_MAX:
        found.add("C109", node.place, f"{where}: a script must be shorter than 128 KiB", _FILE)
    return Commands((node.value,), is_script=True)


def _list(node: Items, where: str, found: Findings) -> Commands:
    if not node.nodes:
        found.add("C109", node.place, f"{where}: there is no command")
    found_lines = [_command(one, f"{where}: command {number}", found) for number, one in enumerate(node.nodes, 1)]
    lines = tuple(line for line in found_lines if line is not None)
    if sum(map(_size, lines)) > LIST_MAX:
        limit = f"the commands of a list have at most {LIST_MAX // 1024} KiB together"
        found.add("C109", node.place, f"{where}: {limit}", _FILE)
    return Commands(lines, is_script=False)


def _command(node: Node, what: str, found: Findings) -> str | None:
    match node:
        case Text():
            word = values.text(node, what, found, _ADVICE)
            if word and word.value.strip():
                return word.value
            if word:
                found.add("C109", node.place, f"{what} is empty")
        case Mapping():
            cause = f'{what} was read as a mapping because it holds ": "'
            found.add("C109", node.place, f"{cause}; put the whole command in quotes or use a | block")
        case Items():
            found.add("C109", node.place, f"{what} was read as a list; put the whole command in quotes")
        case Broken():
            pass
    return None


def _size(command: str) -> int:
    return len(command.encode("utf-8", "replace"))

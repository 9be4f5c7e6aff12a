"""Single values: what is written becomes typed, or gets a problem that says how to write it.

Here and in the modules beside, each function gives None for what it has reported (or what was reported before).
`where` is the way to the value, as `suites.unit.timeout`.
"""

import enum
import re
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, TypeVar

from bot.app.suitefile import keys
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Broken, Items, Mapping, Node, Text
from bot.domain.workers import LABEL

TEXT_MAX: Final = 1024
"""Characters of what is neither a command nor a variable."""

_INTEGER: Final = re.compile(r"0|[1-9][0-9]{0,8}")
_NAME: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")
_PLACES: Final = "it is replaced in images, environments, services, reports, artifacts, cache and paths only"

Choice = TypeVar("Choice", bound=enum.StrEnum)


def text(node: Node, where: str, found: Findings, advice: str = _PLACES) -> Text | None:
    """Without placeholders."""
    word = any_text(node, where, found)
    if word is not None and word.placeholder is not None:
        found.add("C008", word.placeholder, f'{where}: "${{{{ … }}}}" can\'t stand here', advice)
        return None
    return word


def any_text(node: Node, where: str, found: Findings) -> Text | None:
    match node:
        case Text():
            return node
        case Items() | Mapping():
            found.add("C109", node.place, f"{where}: this must be text, not {kind(node)}")
        case Broken():
            pass
    return None


def line(node: Node, where: str, found: Findings) -> Text | None:
    """Something to say in one line, of decent length."""
    word = text(node, where, found)
    if word is None:
        return None
    if fault := line_fault(word.value):
        found.add("C109", word.place, f"{where}: {fault}")
        return None
    return word


def line_fault(value: str) -> str:
    """Why it is not one line of text, or nothing."""
    if not value.strip():
        return "this must not be empty"
    if len(value) > TEXT_MAX:
        return f"this has at most {TEXT_MAX} characters"
    return "" if value.isprintable() else "this must be one line without control characters"


def mapping(node: Node, where: str, found: Findings, advice: str = "") -> Mapping | None:
    match node:
        case Mapping():
            return node
        case Text() | Items():
            found.add("C109", node.place, f"{where}: this must be a mapping, not {kind(node)}", advice)
        case Broken():
            pass
    return None


def items(node: Node, where: str, found: Findings) -> tuple[Node, ...] | None:
    match node:
        case Items():
            return node.nodes
        case Text() | Mapping():
            advice = f"write [{node.value}]" if isinstance(node, Text) and node.value.isalnum() else ""
            found.add("C109", node.place, f"{where}: this must be a list, not {kind(node)}", advice)
        case Broken():
            pass
    return None


def kind(node: Text | Items | Mapping) -> str:
    match node:
        case Text():
            return "text" if node.value else "empty"
        case Items():
            return "a list"
        case Mapping():
            return "a mapping"


def boolean(node: Node, where: str, found: Findings) -> bool | None:
    word = text(node, where, found)
    if word is None:
        return None
    if word.plain and word.value in ("true", "false"):
        return word.value == "true"
    found.add("C109", word.place, f"{where}: write true or false, not {as_written(word)}")
    return None


def as_written(word: Text) -> str:
    if word.plain:
        return quoted(word.value)[1:-1] or "nothing"
    return quoted(word.value)


def integer(low: int, high: int) -> Callable[[Node, str, Findings], int | None]:
    """Reads a whole number within the bounds."""
    return partial(_integer, low, high)


def _integer(low: int, high: int, node: Node, where: str, found: Findings) -> int | None:
    word = text(node, where, found)
    if word is None:
        return None
    if word.plain and _INTEGER.fullmatch(word.value) and low <= int(word.value) <= high:
        return int(word.value)
    found.add("C109", word.place, f"{where}: write a number from {low} to {high}, not {as_written(word)}")
    return None


def choice(kinds: type[Choice]) -> Callable[[Node, str, Findings], Choice | None]:
    """Reads one of the words."""
    return partial(_choice, kinds)


def _choice(kinds: type[Choice], node: Node, where: str, found: Findings) -> Choice | None:
    word = text(node, where, found)
    if word is None:
        return None
    known = [one.value for one in kinds]
    if word.value in known:
        return kinds(word.value)
    found.add("C109", word.place, f"{where}: write {', '.join(known)}, not {as_written(word)}", meant(word, known))
    return None


def meant(word: Text, known: Iterable[str]) -> str:
    """A help that guesses."""
    guess = keys.near(word.value, known)
    return f'did you mean "{guess}"?' if guess else ""


def names(node: Node, where: str, found: Findings) -> tuple[Text, ...] | None:
    """A list of names, each once; whether they exist is looked at later."""
    nodes = items(node, where, found)
    if nodes is None:
        return None
    words = [word for one in nodes if (word := text(one, where, found)) is not None]
    return tuple({word.value: word for word in words}.values())


def check_label(label: str, word: Text, where: str, found: Findings) -> None:
    """`label`: what has become of `word`."""
    if not LABEL.fullmatch(label):
        rule = "small letters, digits, . _ and -, a letter or digit first, at most 63"
        found.add("C109", word.place, f"{where}: {quoted(label)} can't be the label of a worker", rule)


def check_name(name: Text, what: str, found: Findings) -> None:
    """`what`: the kind of thing that is named, as `a suite`."""
    if not _NAME.fullmatch(name.value):
        lower = name.value.lower()
        rule = "small letters, digits, . _ and -, a letter or digit first, at most 63"
        advice = f'write it "{lower}"' if _NAME.fullmatch(lower) else rule
        found.add("C111", name.place, f"{quoted(name.value)} can't be the name of {what}", advice)

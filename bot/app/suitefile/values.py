"""Single values: what is written becomes typed, or gets a problem that says how to write it.

Here and in the modules beside, each function gives None for what it has reported (or what was reported before).
`where` is the way to the value, as `suites.unit.timeout`.
"""

import re
from typing import Final

from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Broken, Items, Mapping, Node, Text

TIMEOUT_MAX: Final = 30 * 86400
"""Seconds; what the server allows may be less."""
IMAGE_MAX: Final = 255

_UNITS: Final = (86400, 3600, 60, 1)
_DURATION: Final = re.compile(r"(?:([0-9]{1,7})d)?(?:([0-9]{1,7})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,7})s)?")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")
_IMAGE: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?/)?"  # registry
    r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*"
    r"(?::[A-Za-z0-9_][A-Za-z0-9_.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
_ENGINE_ID: Final = re.compile(r"(?:sha256:)?[0-9a-f]{64}")
"""Would name whatever image the engine holds, whoever made it."""


def text(node: Node, where: str, found: Findings) -> Text | None:
    match node:
        case Text():
            return node
        case Items() | Mapping():
            found.add("C109", node.place, f"{where}: this must be text, not {kind(node)}")
        case Broken():
            pass
    return None


def mapping(node: Node, where: str, found: Findings, advice: str = "") -> Mapping | None:
    match node:
        case Mapping():
            return node
        case Text() | Items():
            found.add("C109", node.place, f"{where}: this must be a mapping, not {kind(node)}", advice)
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
    found.add("C109", word.place, f"{where}: write true or false, not {_as_written(word)}")
    return None


def _as_written(word: Text) -> str:
    if word.plain:
        return quoted(word.value)[1:-1] or "nothing"
    return quoted(word.value)


def timeout(node: Node, where: str, found: Findings) -> int | None:
    """Seconds."""
    word = text(node, where, found)
    if word is None:
        return None
    match = _DURATION.fullmatch(word.value)
    counts = match.groups() if match else ()
    seconds = sum(int(count or 0) * unit for count, unit in zip(counts, _UNITS, strict=False))
    if 0 < seconds <= TIMEOUT_MAX:
        return seconds
    found.add("C109", word.place, f"{where}: {_timeout_fault(word.value, seconds)}")
    return None


def _timeout_fault(value: str, seconds: int) -> str:
    if seconds > TIMEOUT_MAX:
        return f'a timeout is at most "{TIMEOUT_MAX // 86400}d"'
    if _NUMBER.fullmatch(value):
        return f'a duration needs a unit: write "{value}m" or "{value}s"'
    if value and (_DURATION.fullmatch(value) or not value.strip("0")):
        return "a timeout must be more than nothing"
    return f'{quoted(value)} is not a duration: write it like "90s", "20m", "1h30m" or "14d"'


def image(node: Node, where: str, found: Findings) -> str | None:
    word = text(node, where, found)
    if word is None:
        return None
    if _is_image(word.value):
        return word.value
    shown = f"{quoted(word.value)} is not the name of an image" if word.value else "the name of an image is missing"
    lower = word.value.lower()
    advice = f'names of images are lower case: "{lower}"' if _is_image(lower) else 'write it like "python:3.12-slim"'
    found.add("C112", word.place, f"{where}: {shown}", advice)
    return None


def _is_image(name: str) -> bool:
    return len(name) <= IMAGE_MAX and bool(_IMAGE.fullmatch(name)) and not _ENGINE_ID.fullmatch(name)

"""Durations, sizes and processors, each with its unit."""

import re
from collections.abc import Callable
from functools import partial
from typing import Final

from bot.app.suitefile import values
from bot.app.suitefile.findings import Findings, quoted
from bot.app.suitefile.reading import Node
from bot.domain.suites import GIB, MIB

DAY: Final = 86400
TIMEOUT_MAX: Final = 30 * DAY
"""Seconds; what the server allows may be less."""
KEEP_MAX: Final = 3650 * DAY
WITHIN_MAX: Final = 600
SIZE_MIN: Final = 16 * MIB
SIZE_MAX: Final = 4096 * GIB
CPUS_MAX: Final = 256

_UNITS: Final = ((DAY, "d"), (3600, "h"), (60, "m"), (1, "s"))
_DURATION: Final = re.compile(r"(?:([0-9]{1,7})d)?(?:([0-9]{1,7})h)?(?:([0-9]{1,7})m)?(?:([0-9]{1,7})s)?")
_NUMBER: Final = re.compile(r"[1-9][0-9]{0,6}")
_SIZE: Final = re.compile(r"([0-9]{1,7}(?:\.[0-9]{1,3})?)(KiB|MiB|GiB)")
_SIZE_UNITS: Final = {"KiB": 1 << 10, "MiB": MIB, "GiB": GIB}
_CPUS: Final = re.compile(r"[0-9]{1,3}(?:\.[0-9]{1,3})?")


def duration(most: int, what: str = "a timeout") -> Callable[[Node, str, Findings], int | None]:
    """Reads seconds, more than none and at most so many."""
    return partial(_duration, most, what)


def _duration(most: int, what: str, node: Node, where: str, found: Findings) -> int | None:
    word = values.text(node, where, found)
    if word is None:
        return None
    match = _DURATION.fullmatch(word.value)
    counts = match.groups() if match else ()
    seconds = sum(int(count or 0) * unit for count, (unit, _) in zip(counts, _UNITS, strict=False))
    if 0 < seconds <= most:
        return seconds
    if seconds > most:
        size, unit = next((size, unit) for size, unit in _UNITS if most % size == 0)
        fault = f'{what} is at most "{most // size}{unit}"'
    else:
        fault = _duration_fault(word.value, what)
    found.add("C109", word.place, f"{where}: {fault}")
    return None


def _duration_fault(value: str, what: str) -> str:
    if _NUMBER.fullmatch(value):
        return f'a duration needs a unit: write "{value}m" or "{value}s"'
    if value and (_DURATION.fullmatch(value) or not value.strip("0")):
        return f"{what} must be more than nothing"
    return f'{quoted(value)} is not a duration: write it like "90s", "20m", "1h30m" or "14d"'


def size(node: Node, where: str, found: Findings) -> int | None:
    """Bytes."""
    word = values.text(node, where, found)
    if word is None:
        return None
    match = _SIZE.fullmatch(word.value)
    count = round(float(match[1]) * _SIZE_UNITS[match[2]]) if match else 0
    if SIZE_MIN <= count <= SIZE_MAX:
        return count
    if match:
        fault = f'a size is from "{SIZE_MIN // MIB}MiB" to "{SIZE_MAX // GIB}GiB"'
    elif _NUMBER.fullmatch(word.value):
        fault = f'a size needs a unit: write "{word.value}MiB" or "{word.value}GiB"'
    else:
        fault = f'{quoted(word.value)} is not a size: write it like "512MiB" or "2GiB"'
    found.add("C109", word.place, f"{where}: {fault}")
    return None


def cpus(node: Node, where: str, found: Findings) -> float | None:
    word = values.text(node, where, found)
    if word is None:
        return None
    if word.plain and _CPUS.fullmatch(word.value) and 0 < float(word.value) <= CPUS_MAX:
        return float(word.value)
    rule = f"write a number above 0 and at most {CPUS_MAX}"
    found.add("C109", word.place, f"{where}: {rule}, not {values.as_written(word)}")
    return None

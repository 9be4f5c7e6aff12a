"""Sizes and times as people write them for the server: `512MiB`, `30m`, `1h30m`."""

import re
from typing import Final

_UNITS: Final = {"": 1, "kib": 1 << 10, "mib": 1 << 20, "gib": 1 << 30, "s": 1, "m": 60, "h": 3600, "d": 86400}
_WHOLE: Final = re.compile(r"(?:\d+(?:\.\d+)?[A-Za-z]*)+", re.ASCII)
_PART: Final = re.compile(r"(\d+(?:\.\d+)?)([A-Za-z]*)", re.ASCII)


def is_amount(text: str) -> bool:
    return _WHOLE.fullmatch(text.strip()) is not None


def amount_of(text: str) -> int:
    """Bytes or seconds; a plain number is just that. Raises: ValueError."""
    parts = _PART.findall(text) if is_amount(text) else []
    if not parts:
        raise ValueError(f"{text[:40]} is no size or time such as 512MiB or 30m")
    if unknown := [unit for _, unit in parts if unit.lower() not in _UNITS]:
        raise ValueError(f"unknown unit {unknown[0]}")
    return int(sum(float(number) * _UNITS[unit.lower()] for number, unit in parts))

"""One look through a run's log: the findings that it prints, and the lines that tell of failed tests."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.app.results.told import finding
from bot.domain.checks import Annotation

_PIECE: Final = 1 << 20
_FINDINGS_MAX: Final = 1000
_SHORTEST: Final = 8
"""Characters of a message that are looked for; less is found anywhere."""
_MARKS: Final = (b"::error", b"::warning", b"::notice")

Read = Callable[[int, int], bytes]
"""(offset, limit) → bytes of the log."""


@dataclass(slots=True)
class Scan:
    findings: list[Annotation] = field(default_factory=list)
    lines: dict[str, int] = field(default_factory=dict)
    """By test; the first line of the log is 1."""


def scan(read: Read, tests: Mapping[str, str]) -> Scan:
    """`tests`: messages by name. Where a message stands, else where the test's short name stands last."""
    wanted = {name: _needles(name, message) for name, message in tests.items()}
    found, by_message = Scan(), dict[str, int]()
    offset, number, rest = 0, 1, b""
    while piece := read(offset, _PIECE):
        offset += len(piece)
        whole, end, rest = (rest + piece).rpartition(b"\n")
        number = _look(whole + end, number, wanted, found, by_message)
        if len(rest) > _PIECE:
            rest = b""
    _look(rest, number, wanted, found, by_message)
    found.lines |= by_message
    return found


def _needles(name: str, message: str) -> tuple[bytes, bytes]:
    first = message.split("\n", 1)[0].strip()[:100]
    return (first.encode() if len(first) >= _SHORTEST else b"", name.rpartition("::")[2].encode())


def _look(
    data: bytes, number: int, wanted: Mapping[str, tuple[bytes, bytes]], found: Scan, by_message: dict[str, int]
) -> int:
    """The number of the line after `data`."""
    for name, (message, short) in wanted.items():
        if name not in by_message and message and (at := data.find(message)) >= 0:
            by_message[name] = number + data.count(b"\n", 0, at)
        if name not in by_message and short and (at := data.rfind(short)) >= 0:
            found.lines[name] = number + data.count(b"\n", 0, at)
    if any(mark in data for mark in _MARKS):
        lines = (one for line in data.split(b"\n") if b"::" in line[:200] and (one := finding(line)))
        found.findings += [one for _, one in zip(range(_FINDINGS_MAX - len(found.findings)), lines, strict=False)]
    return number + data.count(b"\n")

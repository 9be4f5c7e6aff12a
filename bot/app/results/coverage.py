"""Coverage as Cobertura's XML or as LCOV's tracefiles: how many lines were run, of how many."""

from collections.abc import Iterator, Mapping
from typing import Final

from bot.app.results import Content, Unreadable
from bot.app.results.xml import Events, feed

_PIECE: Final = 1 << 16
_DIGITS: Final = 12


class _Whole:
    """A file again whose first bytes were looked at."""

    def __init__(self, head: bytes, rest: Content) -> None:
        self._head, self._rest = head, rest

    def read(self, size: int, /) -> bytes:
        if self._head:
            piece, self._head = self._head[:size], self._head[size:]
            return piece
        return self._rest.read(size)


def read_coverage(content: Content) -> tuple[int, int]:
    """Lines that were run, and all. Raises: Unreadable."""
    head = content.read(_PIECE)
    whole = _Whole(head, content)
    covered, lines = _lcov(whole) if head[:200].lstrip().startswith((b"TN:", b"SF:")) else _cobertura(whole)
    if not lines:
        raise Unreadable("it tells of no line")
    if covered > lines:
        raise Unreadable("it tells of more lines that were run than there are")
    return covered, lines


class _Cobertura(Events):
    def __init__(self) -> None:
        self._seen_root = False
        self._methods = 0
        self.claimed: tuple[int, int] | None = None
        self.covered = self.lines = 0

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._seen_root:
            self._seen_root = True
            if name != "coverage":
                raise Unreadable("its root is not Cobertura's")
            self.claimed = _claimed(attributes)
        elif name == "methods":
            self._methods += 1
        elif name == "line" and not self._methods:  # a method's lines stand among its class' as well
            self.lines += 1
            self.covered += attributes.get("hits", "0").strip() not in ("", "0")

    def end(self, name: str) -> None:
        self._methods -= name == "methods"

    def text(self, text: str) -> None:
        pass


def _claimed(attributes: Mapping[str, str]) -> tuple[int, int] | None:
    covered, lines = attributes.get("lines-covered", ""), attributes.get("lines-valid", "")
    return (_number(covered), _number(lines)) if _number(lines) else None


def _cobertura(content: Content) -> tuple[int, int]:
    events = _Cobertura()
    for _ in feed(content, events):
        pass
    return events.claimed or (events.covered, events.lines)


def _lcov(content: Content) -> tuple[int, int]:
    """LH and LF sum up each file; without them its DA lines count."""
    covered = lines = 0
    for record in _records(content):
        sums = {key: _number(value) for key, value in record if key in ("LH", "LF")}
        hits = [value.split(",")[1:2] for key, value in record if key == "DA"]
        lines += sums.get("LF", len(hits))
        covered += sums.get("LH", sum(hit not in ([], ["0"]) for hit in hits))
    return covered, lines


def _records(content: Content) -> Iterator[list[tuple[str, str]]]:
    record: list[tuple[str, str]] = []
    rest = b""
    while piece := content.read(_PIECE):
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > _PIECE:
            raise Unreadable("it has a line without an end")
        for line in whole:
            key, _, value = line.decode(errors="replace").strip().partition(":")
            if key == "end_of_record":
                yield record
                record = []
            elif key in ("LH", "LF", "DA"):
                record.append((key, value))
    if record or rest.strip() not in (b"", b"end_of_record"):
        raise Unreadable("it ends too early")


def _number(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) <= _DIGITS else 0

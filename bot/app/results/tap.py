"""The Test Anything Protocol (testanything.org, versions 12 to 14): its outermost level, which sums up the others."""

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final

from bot.app.results import MESSAGE_MAX, TEXT_MAX, Content, Unreadable
from bot.domain.results import Case, Outcome, usable_name
from bot.domain.texts import plain

_PIECE: Final = 1 << 16
_LINE_MAX: Final = 1 << 20
_TEST: Final = re.compile(r"(not )?ok\b(?:\s+(\d{1,9})\b)?[ \t]*(?:-[ \t]+)?(.*)\Z")
_DIRECTIVE: Final = re.compile(r"(?<!\\)#[ \t]*(skip|todo)\b[ \t]*(.*)", re.IGNORECASE)
_PLAN: Final = re.compile(r"1\.\.(\d{1,9})\b")
_MILLISECONDS: Final = re.compile(r"\s*duration_ms:\s*([0-9.]{1,20})\s*\Z")

_ERROR: Final = re.compile(r"\s*(?:error|message):(.*)\Z")
_QUOTES: Final = ("'", '"')


@dataclass(slots=True)
class _Open:
    """A test whose diagnostics may follow."""

    name: str
    outcome: Outcome
    message: str = ""
    details: list[str] = field(default_factory=list)
    room: int = TEXT_MAX
    seconds: float | None = None

    def add(self, line: str) -> None:
        if self.room > 0:
            self.details.append(plain(line[: self.room]))
            self.room -= len(line) + 1

    def case(self) -> Case:
        is_bad = self.outcome is not Outcome.PASSED
        message = self.message or next((line.strip() for line in self.details if line.strip()), "")
        return Case(
            name=usable_name(self.name),
            outcome=self.outcome,
            seconds=self.seconds,
            message=message[:MESSAGE_MAX] if is_bad else "",
            details="\n".join(self.details) if is_bad else "",
        )


def read_tap(content: Content) -> Iterator[Case]:
    """Raises: Unreadable, after the tests that could be read."""
    reader = _Reader()
    for line in _lines(content):
        if case := reader.take(line):
            yield case
    if reader.open:
        yield reader.open.case()
    if reader.planned is None and not reader.count:
        raise Unreadable("there is no test in it")
    if reader.planned is not None and reader.planned > reader.count:
        raise Unreadable(f"it promises {reader.planned} tests and has {reader.count}")


class _Reader:
    """Takes line by line."""

    def __init__(self) -> None:
        self.planned: int | None = None
        self.count = 0
        self.open: _Open | None = None
        self._is_yaml = False

    def take(self, line: str) -> Case | None:
        """The test before, when the line begins another one."""
        if self._is_yaml or line.strip() == "---":
            self._is_yaml = line.strip() != "..."
            _note(self.open, line)
            return None
        if test := _TEST.match(line):
            before = self.open
            self.count += 1
            self.open = _opened(test, self.count)
            return before.case() if before else None
        if line.startswith("Bail out!"):
            raise Unreadable(f"it says: {plain(line[:200]).strip()}")
        if plan := _PLAN.match(line):
            self.planned = int(plan[1])
        elif self.open and line.startswith("#") and not line.startswith("# Subtest"):
            self.open.add(line[1:].strip())
        return None


def _opened(test: re.Match[str], count: int) -> _Open:
    description, reason, kind = test[3], "", ""
    if found := _DIRECTIVE.search(description):
        description, kind, reason = description[: found.start()], found[1].lower(), found[2]
    outcome = Outcome.FAILED if test[1] else Outcome.PASSED
    if kind == "skip" or (kind == "todo" and test[1]):
        outcome = Outcome.SKIPPED  # an unfinished test that fails is no failure
    return _Open(plain(description).replace("\\#", "#").strip() or f"test {test[2] or count}", outcome, plain(reason))


def _note(one: _Open | None, line: str) -> None:
    if one is None:
        return
    if found := _MILLISECONDS.match(line):
        one.seconds = _milliseconds(found[1])
    if found := _ERROR.match(line):
        one.message = one.message or _unquoted(found[1].strip())[:MESSAGE_MAX]
    if line.strip() not in ("---", "..."):
        one.add(line.strip())


def _unquoted(text: str) -> str:
    begin, end = text[:1] in _QUOTES, text[-1:] in _QUOTES
    return text[begin : len(text) - end]


def _milliseconds(text: str) -> float | None:
    try:
        return float(text) / 1000
    except ValueError:
        return None


def _lines(content: Content) -> Iterator[str]:
    decoder = codecs.getincrementaldecoder("utf-8-sig")(errors="replace")
    rest = ""
    while piece := content.read(_PIECE):
        *lines, rest = (rest + decoder.decode(piece)).split("\n")
        yield from (line.rstrip("\r") for line in lines)
        if len(rest) > _LINE_MAX:
            raise Unreadable("it has a line without an end")
    if rest := rest + decoder.decode(b"", True):
        yield rest

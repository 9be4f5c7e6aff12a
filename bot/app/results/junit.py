"""JUnit XML, which nobody ever specified, in the dialects that tools write.

Those of pytest, surefire, Gradle, jest-junit, go-junit-report, gotestsum, PHPUnit, nextest and ctest are known. Cases
count, the counts that a file claims do not (cases C65).
"""

import math
import re
from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from bot.app.results import MESSAGE_MAX, TEXT_MAX, Content, Unreadable
from bot.app.results.xml import Events, feed
from bot.domain.results import Case, Outcome, usable_name
from bot.domain.texts import plain

_OUTCOMES: Final = {
    "failure": Outcome.FAILED,
    "error": Outcome.FAILED,
    "rerunFailure": Outcome.FAILED,  # surefire: failed again
    "rerunError": Outcome.FAILED,
    "flakyFailure": Outcome.FLAKY,  # surefire and nextest: an earlier try of a test that passed
    "flakyError": Outcome.FLAKY,
    "skipped": Outcome.SKIPPED,
}
_NOT_RUN: Final = frozenset({"notrun", "disabled", "skipped", "ignored"})
"""Values of `status` in the reports of googletest and ctest."""
_WEIGHT: Final = {Outcome.PASSED: 0, Outcome.SKIPPED: 1, Outcome.FLAKY: 2, Outcome.FAILED: 3}
_THOUSANDS: Final = re.compile(r"\d{1,3}(,\d{3})+\.\d+")
_LINE_MAX: Final = 10_000_000
_ATTRIBUTE_MAX: Final = 10_000
"""Characters of a name that are looked at."""
_ROOTS: Final = frozenset({"testsuites", "testsuite", "testcase", "testrun", "testsuits"})


def read_junit(content: Content) -> Iterator[Case]:
    """Raises: Unreadable, after the cases that could be read."""
    reader = _Reader()
    try:
        for _ in feed(content, reader):
            yield from reader.drain()
    except Unreadable:
        yield from reader.drain()
        raise


@dataclass(slots=True)
class _Open:
    """A test case that has begun."""

    attributes: Mapping[str, str]
    outcome: Outcome = Outcome.PASSED
    message: str = ""
    details: list[str] = field(default_factory=list)
    room: int = TEXT_MAX

    @property
    def needs_words(self) -> bool:
        return self.outcome is Outcome.FAILED and not self.details and not self.message


class _Reader(Events):
    def __init__(self) -> None:
        self._done: deque[Case] = deque()
        self._suites: list[Mapping[str, str]] = []
        self._open: list[_Open] = []
        self._telling = 0
        """Depth below an element whose text tells of the failure."""
        self._seen_root = False

    def drain(self) -> Iterator[Case]:
        while self._done:
            yield self._done.popleft()

    def start(self, name: str, attributes: Mapping[str, str]) -> None:
        if not self._seen_root:
            self._seen_root = True
            if name not in _ROOTS:
                raise Unreadable("its root is no element of JUnit")
        if self._telling:
            self._telling += 1
        elif name in ("testsuite", "testsuites"):
            self._suites.append(attributes)
        elif name == "testcase":
            self._open.append(_Open(attributes, _by_status(attributes)))
        elif name in _OUTCOMES:
            self._tell(name, attributes)
        elif name in ("system-out", "system-err") and self._open and self._open[-1].needs_words:
            self._telling = 1  # ctest tells there what went wrong

    def end(self, name: str) -> None:
        if self._telling:
            self._telling -= 1
            if not self._telling and self._open and self._is_of_suite(self._open[-1]):
                self._done.append(self._case(self._open.pop()))
        elif name in ("testsuite", "testsuites"):
            self._suites.pop()
        elif name == "testcase":
            self._done.append(self._case(self._open.pop()))

    def text(self, text: str) -> None:
        if not self._telling or self._open[-1].room <= 0:
            return
        one = self._open[-1]
        one.details.append(text[: one.room])
        one.room -= len(text)

    def _tell(self, name: str, attributes: Mapping[str, str]) -> None:
        """A class that could not be set up has its failure beside its cases: it counts as one."""
        if not self._open:
            self._open.append(_Open({"name": "(the suite itself)", _MADE_UP: ""}))
        one, outcome = self._open[-1], _OUTCOMES[name]
        if _WEIGHT[outcome] > _WEIGHT[one.outcome]:
            one.outcome = outcome
            one.message = (attributes.get("message") or attributes.get("type") or "")[:MESSAGE_MAX]
        elif not one.message:
            one.message = attributes.get("message", "")[:MESSAGE_MAX]
        if one.details:
            one.details.append("\n")
        self._telling = 1

    def _suite_name(self) -> str:
        """Of the innermost suite that has one; node's runner nests one for each `describe`."""
        return next((name for one in reversed(self._suites[-3:]) if (name := _attribute(one, "name"))), "")

    @staticmethod
    def _is_of_suite(one: _Open) -> bool:
        return _MADE_UP in one.attributes

    def _case(self, one: _Open) -> Case:
        given = one.attributes
        suite = self._suites[-1] if self._suites else {}
        is_pytest = suite.get("name") == "pytest" or self._suites[:1] == [_OF_PYTEST]
        file = _attribute(given, "file") or _attribute(suite, "file")
        line = _line(given.get("line") or given.get("lineno") or "")
        classname = _attribute(given, "classname") or _attribute(given, "class")
        if is_pytest and classname:
            file, name = _of_pytest(file, classname, _attribute(given, "name"))
            line = line + 1 if "line" in given else 0  # pytest counts from 0
        else:
            name = _name(self._suite_name(), classname, _attribute(given, "name"))
        message, details = ("", "") if one.outcome is Outcome.PASSED else _told(one)
        return Case(
            name=usable_name(name),
            outcome=one.outcome,
            seconds=seconds(given.get("time", "")),
            message=message,
            details=details,
            file=file,
            line=line,
        )


_OF_PYTEST: Final = {"name": "pytest tests"}
"""The root that pytest writes; the suite's own name may be set by its user."""
_MADE_UP: Final = " "
"""Marks a case that no report has; no attribute is called so."""


def _told(one: _Open) -> tuple[str, str]:
    details = plain("".join(one.details)).strip("\n")
    return plain(one.message).strip() or _first_line(details), details


def _by_status(attributes: Mapping[str, str]) -> Outcome:
    return Outcome.SKIPPED if attributes.get("status", "").lower() in _NOT_RUN else Outcome.PASSED


def _attribute(attributes: Mapping[str, str], name: str) -> str:
    text = attributes.get(name, "")
    if len(text) < _ATTRIBUTE_MAX and text.isprintable():
        return text.strip()
    return plain(text[:_ATTRIBUTE_MAX]).strip()


def _name(suite: str, classname: str, name: str) -> str:
    if classname in _SAYS_NOTHING:
        classname = ""
    if not classname or classname == name or name.startswith(f"{classname} "):
        # jest-junit repeats the whole title in both by default, ctest its one name; bare cases have none.
        return name if classname or suite in _SAYS_NOTHING else f"{suite}::{name}"
    return f"{classname}::{name}"


_SAYS_NOTHING: Final = frozenset({"", "test", "undefined", "(empty)"})
"""Names that node, jest and ctest give to every class or suite."""


def _of_pytest(file: str, classname: str, name: str) -> tuple[str, str]:
    """The file and the node id, which `pytest` takes as an argument. Only the xunit1 family has the file."""
    parts = classname.split(".")
    if file.endswith(".py"):
        module = file.removesuffix(".py").replace("\\", "/").split("/")
        inner = (
            parts[len(module) :] if parts[: len(module)] == module else parts[-1:] if parts[-1] != module[-1] else []
        )
        return file, "::".join([file, *inner, name])
    count = next((index for index, part in enumerate(parts) if part[:1].isupper()), len(parts))
    if not count:
        return file, f"{classname}::{name}"
    file = "/".join(parts[:count]) + ".py"
    return file, "::".join([file, *parts[count:], name])


def seconds(text: str) -> float | None:
    """`1,234.56`, `0,5`; None for what is no length of time."""
    text = text.strip()[:40]
    text = text.replace(",", "") if _THOUSANDS.fullmatch(text) else text.replace(",", ".")
    try:
        value = float(text)
    except ValueError:
        return None
    return value if math.isfinite(value) and 0 <= value < 1e9 else None  # noqa: PLR2004  # thirty years


def _line(text: str) -> int:
    text = text.strip()
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 9 and int(text) <= _LINE_MAX else 0  # noqa: PLR2004  # no line has more digits


def _first_line(text: str) -> str:
    return next((line.strip() for line in text.split("\n") if line.strip()), "")[:MESSAGE_MAX]

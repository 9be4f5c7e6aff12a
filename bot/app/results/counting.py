"""How many tests a log has told of so far, for those who wait: of tools whose lines tell it (PRODUCT §2.3).

Nothing is judged by it: the reports tell how it ended. A log that is of no such tool is soon looked at no more.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from bot.domain.runs import Progress

_LOOKED_AT: Final = 1 << 20
"""Bytes in which a tool must have shown itself."""
_LONGEST: Final = 4096
"""Bytes of a line; longer ones are none of a tool."""
_COLOURS: Final = re.compile(rb"\x1b\[[0-9;]*[mK]")
_FAILED: Final = frozenset({b"F", b"E", b"FAILED", b"ERROR", b"FAIL", b"not ok", b"error"})
_CROSSES: Final = frozenset({b"\xe2\x9c\x95", b"\xe2\x9c\x96", b"\xe2\x9c\x97", b"\xc3\x97"})


@dataclass(frozen=True, slots=True)
class _Step:
    """What one line adds."""

    done: int = 0
    failed: int = 0
    total: int | None = None


@dataclass(frozen=True, slots=True)
class _Tool:
    test: re.Pattern[bytes]
    """A line of one or more tests that have ended."""
    step: Callable[[re.Match[bytes]], _Step]
    total: re.Pattern[bytes] | None = None
    """A line that tells how many there will be, as its last group."""


def _word(found: re.Match[bytes]) -> _Step:
    return _Step(1, int(found[1] in _FAILED))


def _letters(found: re.Match[bytes]) -> _Step:
    return _Step(len(found[1]), sum(found[1].count(letter) for letter in (b"F", b"E")))


def _of_phpunit(found: re.Match[bytes]) -> _Step:
    return _Step(len(found[1]), sum(found[1].count(letter) for letter in (b"F", b"E")), int(found[2]))


def _of_ctest(found: re.Match[bytes]) -> _Step:
    return _Step(1, int(found[2] != b"Passed"), int(found[1]))


def _of_jest(found: re.Match[bytes]) -> _Step:
    return _Step(1, int(found[1] in _CROSSES))


def _of_tap(found: re.Match[bytes]) -> _Step:
    return _Step(1, int(found[1] == b"not ok" and not re.search(rb"# *(?i:todo|skip)", found[2])))


_TOOLS: Final = (
    _Tool(  # pytest; a line ends with the percentage
        re.compile(rb"(?:[\w./\\+-]+\.py )?([.FEsxX]+) +\[ *\d+%\]$"),
        _letters,
        re.compile(rb"collected \d+ items? / .*?(\d+) selected$|collected (\d+) items?$"),
    ),
    _Tool(  # pytest -v
        re.compile(rb"\S+::.* (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS)(?: \(.*\))? +\[ *\d+%\]$"),
        _word,
        re.compile(rb"collected \d+ items? / .*?(\d+) selected$|collected (\d+) items?$"),
    ),
    _Tool(  # pytest -v with pytest-xdist
        re.compile(rb"\[gw\d+\] \[ *\d+%\] (PASSED|FAILED|ERROR|SKIPPED|XFAIL|XPASS) \S"),
        _word,
        re.compile(rb"\d+ workers? \[(\d+) items?\]"),
    ),
    _Tool(re.compile(rb"(ok|not ok) \d+\b(.*)"), _of_tap, re.compile(rb"1\.\.(\d+)(?: *#.*)?$")),
    _Tool(re.compile(rb" *--- (PASS|FAIL|SKIP): \S+ \([\d.]+s\)$"), _word),  # go test -v
    _Tool(re.compile(rb"test \S.* \.\.\. (ok|FAILED|ignored)(?:,.*)?$"), _word),  # cargo test
    _Tool(  # cargo nextest
        re.compile(rb" +(PASS|FAIL|SKIP|LEAK) \[ *[\d.]+s\]"),
        _word,
        re.compile(rb" +Starting (\d+) tests? across "),
    ),
    _Tool(  # python -m unittest -v
        re.compile(rb"\w+ \([\w.]+\).*? ?\.\.\. (ok|FAIL|ERROR|skipped|expected failure)\b"), _word
    ),
    _Tool(re.compile(rb" *\d+/(\d+) Test +#\d+: .*?(Passed|\*\*\*|Not Run)"), _of_ctest),
    _Tool(re.compile(rb"([.FEWRISDN]+) +\d+ / (\d+) \( *\d+%\)$"), _of_phpunit),
    _Tool(  # jest and mocha: check marks, crosses, a circle for what is skipped
        re.compile(rb" +(\xe2\x9c[\x93-\x97]|\xe2\x88\x9a|\xc3\x97|\xe2\x97\x8b) \S"), _of_jest
    ),
)


class Counting:
    def __init__(self) -> None:
        self._tool: _Tool | None = None
        self._seen = 0
        self._rest = b""
        self._is_long = False
        """In a line that is longer than any of a tool."""
        self._totals: dict[_Tool, int] = {}
        self.progress: Progress | None = None

    def feed(self, data: bytes) -> None:
        """Output in pieces, as it comes."""
        if self._tool is None and self._seen > _LOOKED_AT:
            return
        self._seen += len(data)
        *lines, self._rest = (self._rest + data).split(b"\n")
        if lines and self._is_long:
            del lines[0]
            self._is_long = False
        for line in lines:
            if len(line) <= _LONGEST:
                self._read(line)
        if len(self._rest) > _LONGEST:
            self._rest, self._is_long = b"", True

    def _read(self, line: bytes) -> None:
        line = line.rstrip(b"\r ")
        if b"\x1b" in line:
            line = _COLOURS.sub(b"", line)
        for tool in (self._tool,) if self._tool else _TOOLS:
            if found := tool.test.match(line):
                self._tool = tool
                self._add(tool.step(found))
                return
            if tool.total and (found := tool.total.match(line)):
                self._totals[tool] = int(next(filter(None, found.groups())))

    def _add(self, step: _Step) -> None:
        known = self.progress or Progress(done=0, failed=0)
        total = step.total or (self._totals.get(self._tool) if self._tool else None)
        self.progress = Progress(done=known.done + step.done, failed=known.failed + step.failed, total=total)

"""From the files that a run left to what they tell: which kind each is, what is missing, what can't be read."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from bot.app import globs
from bot.app.results import Content, Unreadable
from bot.app.results.coverage import read_coverage
from bot.app.results.junit import read_junit
from bot.app.results.sarif import read_sarif
from bot.app.results.tally import Tally
from bot.app.results.tap import read_tap
from bot.domain.checks import Annotation
from bot.domain.results import Case
from bot.domain.suites import MIB, Reports
from bot.domain.texts import one_line
from bot.ports.sandbox import FileLimits, Found, Skipped

LIMITS: Final = FileLimits(count=1000, size=128 * MIB)
_FAULTS_MAX: Final = 20
_FINDINGS_MAX: Final = 20_000
"""Of all files together."""
_KINDS: Final = {"junit": "test", "tap": "test", "coverage": "coverage", "sarif": "SARIF"}
"""Keys of `reports`, and how people call them."""
_READERS: Final[dict[str, Callable[[Content], Iterator[Case]]]] = {"junit": read_junit, "tap": read_tap}


@dataclass(slots=True)
class Gathered:
    tally: Tally = field(default_factory=Tally)
    findings: list[Annotation] = field(default_factory=list)
    covered: int = 0
    lines: int = 0
    faults: list[str] = field(default_factory=list)
    """What a promised report lacks, each fit for a title."""

    @property
    def coverage(self) -> tuple[int, int] | None:
        return (self.covered, self.lines) if self.lines else None

    def fault(self, words: str) -> None:
        if len(self.faults) < _FAULTS_MAX:
            self.faults.append(one_line(words, 300))


def is_wanted(reports: Reports, path: str) -> bool:
    return bool(_kind_of(reports, path))


def gather(files: Iterable[Found | Skipped], reports: Reports, should_stop: Callable[[], bool]) -> Gathered:
    """May be ended early by `should_stop`; whoever says so throws the result away."""
    gathered, seen = Gathered(), set[str]()
    for file in files:
        if should_stop():
            break
        kind = _kind_of(reports, file.path)
        if not kind:
            continue
        seen.add(kind)
        match file:
            case Skipped(path=path, reason=reason):
                gathered.fault(f"{_named(kind)} {path} unreadable: {reason}")
            case Found():
                _read(gathered, kind, file)
    _look_for_missing(gathered, reports, seen)
    return gathered


def _kind_of(reports: Reports, path: str) -> str:
    return next((kind for kind in _KINDS if globs.matches(_globs(reports, kind), path)), "")


def _globs(reports: Reports, kind: str) -> Sequence[str]:
    wanted: Sequence[str] = getattr(reports, kind)
    return wanted


def _named(kind: str) -> str:
    name = _KINDS[kind]
    return f"{name[0].upper()}{name[1:]} report"


def _read(gathered: Gathered, kind: str, file: Found) -> None:
    try:
        match kind:
            case "coverage":
                covered, lines = read_coverage(file.content)
                gathered.covered, gathered.lines = gathered.covered + covered, gathered.lines + lines
            case "sarif":
                room = _FINDINGS_MAX - len(gathered.findings)
                gathered.findings += read_sarif(file.content)[:room]
            case _:
                gathered.tally.begin_file()
                for case in _READERS[kind](file.content):
                    gathered.tally.add(case)
    except Unreadable as error:
        gathered.fault(f"{_named(kind)} {file.path} unreadable: {error}")
    except OSError as error:
        gathered.fault(f"{_named(kind)} {file.path} unreadable: {error.strerror}")


def _look_for_missing(gathered: Gathered, reports: Reports, seen: set[str]) -> None:
    for kind, name in _KINDS.items():
        wanted = _globs(reports, kind)
        if wanted and kind not in seen:
            gathered.fault(f"No {name} report at {', '.join(wanted)}")
    if not gathered.faults and seen & set(_READERS) and not gathered.tally.counts():
        wanted = [glob for kind in _READERS if kind in seen for glob in _globs(reports, kind)]
        gathered.fault(f"No test in the report at {', '.join(wanted)}")

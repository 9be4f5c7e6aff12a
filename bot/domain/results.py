"""What the tests of a run came to, one by one and all together (BEHAVIOUR §5)."""

import enum
import hashlib
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from bot.domain.checks import Annotation
from bot.domain.texts import cut

NAME_MAX: Final = 500
"""Characters of a test's name; of a longer one its beginning and a digest."""


class Outcome(enum.StrEnum):
    PASSED = "passed"
    FAILED = "failed"
    FLAKY = "flaky"
    """It failed and then passed in one run."""
    SKIPPED = "skipped"


class Mark(enum.StrEnum):
    """What a failure means for the change."""

    NEW = "new"
    KNOWN = "known"
    """It failed in what it is compared with as well."""
    FLAKY = "flaky"
    """It has both failed and passed on one commit lately."""
    QUARANTINED = "quarantined"


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One test as a report tells of it."""

    name: str
    """Names the test in its suite from run to run: `tests/test_parse.py::test_empty`."""
    outcome: Outcome
    seconds: float | None = None
    """None: unknown."""
    message: str = ""
    details: str = ""
    """The traceback, or whatever else it left."""
    file: str = ""
    """As the report has it."""
    line: int = 0
    """0: unknown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """A test that failed, or passed only after a failure."""

    name: str
    mark: Mark = Mark.NEW
    message: str = ""
    details: str = ""
    path: str = ""
    """A file of the commit; empty: unknown, then there is no line either."""
    line: int = 0
    log_line: int = 0
    """Of the run's log, the first is 1; 0: not found."""
    since: datetime | None = None
    """Of a known one: when it began to fail there."""
    since_sha: str = ""
    issue: str = ""
    """Of one in quarantine: where it is worked on."""
    muted: str = ""
    """Of a muted one: by whom, why and until when."""
    times: int = 0
    """How often it failed there in the last 14 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Mute:
    """A test whose failures somebody lets not count for a while."""

    suite: str
    name: str
    until: date
    """The last day."""
    reason: str
    actor: str

    @property
    def words(self) -> str:
        return f"muted to {self.until:%-d %b} by {self.actor}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    name: str
    seconds: float
    usual: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Results:
    """What a run's reports hold, as far as checks and pages show it."""

    passed: int = 0
    failed: int = 0
    """Quarantined ones among them."""
    flaky: int = 0
    skipped: int = 0
    new: int = 0
    """Of the failed ones; all of them, also those that `failures` has no room for."""
    known: int = 0
    known_flaky: int = 0
    quarantined: int = 0
    base: str = ""
    """The branch that was compared with; empty: there was nothing to compare with."""
    failures: tuple[Failure, ...] = ()
    """New ones first, and only so many."""
    unsteady: tuple[Failure, ...] = ()
    """Passed after a failure; only so many."""
    slowest: tuple[Slow, ...] = ()
    removed: tuple[str, ...] = ()
    """Tests that the base has and this run has not; only so many."""
    newly_skipped: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()
    """Why a promised report says less than it should."""
    remarks: tuple[str, ...] = ()
    """What was left out without harm."""
    coverage: tuple[int, int] | None = None
    """Lines that were run, and all."""
    annotations: tuple[Annotation, ...] = ()

    @property
    def ran(self) -> int:
        """Tests that were not skipped."""
        return self.passed + self.failed + self.flaky

    @property
    def total(self) -> int:
        return self.ran + self.skipped


def usable_name(name: str) -> str:
    """One line of at most NAME_MAX characters; different names stay different."""
    if "  " in name or not name.isprintable():
        name = " ".join(name.split())
    name = name.strip() or "(no name)"
    if len(name) <= NAME_MAX:
        return name
    digest = hashlib.sha256(name.encode(errors="replace")).hexdigest()[:12]
    return f"{cut(name, NAME_MAX - len(digest) - 1)} {digest}"

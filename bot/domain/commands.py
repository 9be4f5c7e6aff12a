"""What people can say to the bot in a comment (BEHAVIOUR §2)."""

import enum
from dataclasses import dataclass

from bot.domain.dialect import Dialect


class Scope(enum.StrEnum):
    """How far `/ok-to-test` reaches."""

    COMMIT = "commit"
    CHANGE = "pr"
    STOP = "stop"


@dataclass(frozen=True, slots=True)
class Retest:
    """Run again what is not green; of the named suites only."""

    suites: tuple[str, ...] = ()
    failed_tests: bool = False
    """Just the failed tests, where the suite says how."""


@dataclass(frozen=True, slots=True)
class RunAnew:
    """Run anew, whatever the state; all suites, or the named ones with their filters ignored."""

    suites: tuple[str, ...] = ()
    axes: tuple[tuple[str, str], ...] = ()
    """(axis, value) of the matrix: only such cells of the named suites. Of one axis any value will do."""


@dataclass(frozen=True, slots=True)
class Start:
    """Start a suite that waits for somebody to start it."""

    suite: str


@dataclass(frozen=True, slots=True)
class Cancel:
    suites: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class OkToTest:
    scope: Scope = Scope.COMMIT
    sha: str = ""
    """As it was written; has to be the whole id of the head."""


@dataclass(frozen=True, slots=True)
class Skip:
    suite: str


@dataclass(frozen=True, slots=True)
class Override:
    suite: str
    reason: str


@dataclass(frozen=True, slots=True)
class Status:
    pass


@dataclass(frozen=True, slots=True)
class Explain:
    suite: str = ""


@dataclass(frozen=True, slots=True)
class Bisect:
    """Find the commit that broke the branch that the change is for."""

    suite: str = ""


@dataclass(frozen=True, slots=True)
class Help:
    pass


@dataclass(frozen=True, slots=True)
class Misunderstood:
    """Meant for us, but not to be understood; `words` is the answer, `form` how it would be right."""

    words: str
    form: str = ""

    def told(self, dialect: Dialect) -> str:
        return f"{self.words} {dialect.command(self.form)}." if self.form else self.words


Command = (
    Retest | RunAnew | Start | Cancel | OkToTest | Skip | Override | Bisect | Status | Explain | Help | Misunderstood
)

USAGE: tuple[tuple[str, str, str], ...] = (
    ("retest [SUITE…]", "write; the author once the change may run", "run again what is not green"),
    (
        "retest failed-tests",
        "write; the author once the change may run",
        "run again just the failed tests, where the suite file says how",
    ),
    ("test [SUITE…]", "write; the author once the change may run", "run anew, whatever the state"),
    (
        "test SUITE… AXIS=VALUE…",
        "write; the author once the change may run",
        "run anew just these cells of a matrix",
    ),
    (
        "ok-to-test [SHA]",
        "write",
        "let this commit of a stranger's change run; `pr`: later commits too; `stop`: no more",
    ),
    ("cancel [SUITE…]", "write, the author", "stop what runs or waits"),
    ("run SUITE", "write", "start one suite"),
    ("skip SUITE", "write", "mark a suite that may fail as skipped"),
    ("override SUITE REASON", "admin", "let a suite count as passed on this commit"),
    ("assay bisect [SUITE]", "write", "find the commit that broke the target branch"),
    ("assay status", "everybody", "how this commit stands"),
    ("assay explain [SUITE]", "everybody", "why suites run or don't"),
    ("assay help", "everybody", "this list"),
)
"""(form without its slash, who may, what it does), the most useful first."""

"""What an event of the present branch would start, by the server's own planner."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.app import globs
from bot.domain.planning import (
    ChangedFiles,
    Decision,
    Elsewhere,
    Skipped,
    Trigger,
    Unstarted,
    Wanted,
    needs_paths,
    plan,
)
from bot.domain.refs import ForgeName, Person, Repository, RepositoryId, Sha
from bot.domain.runs import Cause, Trust
from bot.domain.suites import Occasion, SuiteFile

CAUSES = {
    Occasion.PULL_REQUEST: Cause.CHANGE,
    Occasion.PUSH: Cause.PUSH,
    Occasion.TAG: Cause.TAG,
    Occasion.SCHEDULE: Cause.SCHEDULE,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Branch:
    """Where the work tree stands."""

    commit: str
    name: str
    message: str
    """The commit's; `[skip ci]` counts in it."""
    base: str
    """The branch that a pull request would go to."""


@dataclass(frozen=True, slots=True)
class Foreseen:
    """One cell of a suite. `why` says what keeps it from running; empty when it runs."""

    suite: str
    cell: str
    runs: bool
    why: str = ""
    runs_on: tuple[str, ...] = ()
    """Labels that its worker must have."""


def foresee(
    file: SuiteFile, occasion: Occasion, branch: Branch, changed: Callable[[], tuple[str, ...] | None]
) -> tuple[list[Foreseen], str]:
    """Every cell in the order of the file, and a note when path filters could not be used.

    `changed` is asked when somebody filters by path; None: nobody knows what has changed.
    """
    trigger = _trigger(occasion, branch)
    paths = changed() if needs_paths(trigger, file) else None
    files = None if paths is None else ChangedFiles(paths, complete=True)
    planned = plan(trigger, file, files, globs.matches, globs.matches_branch)
    return [_foreseen(one) for one in planned.decisions], planned.note


def _foreseen(decision: Decision) -> Foreseen:
    suite = decision.suite
    match decision:
        case Wanted():
            return Foreseen(suite.name, suite.label, runs=True, runs_on=suite.runs_on)
        case Skipped():
            return Foreseen(suite.name, suite.label, runs=False, why=decision.note)
        case Unstarted():
            why = decision.note or "it waits until somebody starts it"
            return Foreseen(suite.name, suite.label, runs=False, why=why)
        case Elsewhere():
            return Foreseen(suite.name, suite.label, runs=False, why=f"only for {', '.join(suite.when.events)}")


def _trigger(occasion: Occasion, branch: Branch) -> Trigger:
    is_change = occasion is Occasion.PULL_REQUEST
    return Trigger(
        key="plan",
        repository=_HERE,
        sha=Sha(branch.commit),
        cause=CAUSES[occasion],
        ref=branch.name,
        base_ref=branch.base if is_change else "",
        message=branch.message,
        sender=Person(0, "you"),
        trust=Trust.TRUSTED,
    )


_HERE = Repository(
    id=RepositoryId(0),
    forge=ForgeName("local"),
    forge_id=0,
    path="",
    private=True,
    default_branch="",
    web_url="",
    clone_url="",
)

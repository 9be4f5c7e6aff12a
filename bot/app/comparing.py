"""New, known or flaky: a run's failures beside what the branch had before (BEHAVIOUR §5)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final

from bot.domain.refs import Repository, Sha
from bot.domain.results import Case, Mark, Outcome, Slow
from bot.domain.runs import Build, Cause, Run
from bot.ports.results import Base, Past
from bot.ports.store import UnitOfWork

DAYS: Final = 14
_WINDOW: Final = DAYS * 86400.0
_HISTORY: Final = 200
_LOOKED_UP: Final = 50
"""Known failures whose beginning is looked for."""
_COMPARED: Final = 1000
_LISTED: Final = 10
"""Removed and newly skipped tests."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Began:
    since: datetime | None = None
    sha: str = ""
    times: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    base: str = ""
    """The branch, or nothing to compare with."""
    marks: Mapping[str, Mark] = field(default_factory=dict)
    """Of every failed test."""
    began: Mapping[str, Began] = field(default_factory=dict)
    """Of known failures."""
    removed: tuple[str, ...] = ()
    newly_skipped: tuple[str, ...] = ()
    slowest: tuple[Slow, ...] = ()

    def count(self, mark: Mark) -> int:
        return Counter(self.marks.values())[mark]


def branch_of(build: Build) -> str:
    """The branch that was pushed to: its results are its history. Nothing for all else, whatever its name."""
    return build.ref if build.cause in (Cause.PUSH, Cause.SCHEDULE) and build.change is None else ""


def compare(
    work: UnitOfWork,
    run: Run,
    build: Build,
    repository: Repository,
    cases: Sequence[Case],
    slow: Sequence[Case],
    now: datetime,
) -> Comparison:
    """The results of the run are not concluded yet."""
    base = base_of(work, run, build, repository)
    failed = [case.name for case in cases if case.outcome is Outcome.FAILED]
    marks = dict.fromkeys(failed, Mark.NEW)
    looked_at = failed[:_COMPARED]
    before = work.results.in_base(run, base, looked_at) if base else {}
    marks |= {name: Mark.KNOWN for name in looked_at if before.get(name) is Outcome.FAILED}
    marks |= dict.fromkeys(work.results.flaky_among(run, looked_at, _WINDOW), Mark.FLAKY)
    known = [name for name in looked_at if marks[name] is not Mark.NEW][:_LOOKED_UP] if base else []
    removed, newly_skipped = _gone(work, run, base, cases) if base else ((), ())
    usual = work.results.usual_seconds(run, [case.name for case in slow], base.branch) if base else {}
    return Comparison(
        base=base.branch if base else "",
        marks=marks,
        began={name: _began(work, run, base.branch, name, now) for name in known} if base else {},
        removed=removed,
        newly_skipped=newly_skipped,
        slowest=tuple(Slow(name=case.name, seconds=case.seconds or 0.0, usual=usual.get(case.name)) for case in slow),
    )


def base_of(work: UnitOfWork, run: Run, build: Build, repository: Repository) -> Base | None:
    """Where the change began if that was built, else the newest build of its target; of a push the one before."""
    own = branch_of(build)
    target = build.base_ref or own or repository.default_branch
    if build.change is not None and build.base_sha and (exact := work.results.base(run, target, build.base_sha)):
        return exact
    found = work.results.base(run, target)
    return found or (work.results.base(run, repository.default_branch) if own else None)


def _began(work: UnitOfWork, run: Run, branch: str, name: str, now: datetime) -> Began:
    past = work.results.history(run.repository, run.suite.name, run.suite.cell_label, name, _HISTORY, branch=branch)
    first: Past | None = None
    for one in past:
        if one.outcome in (Outcome.PASSED, Outcome.FLAKY):
            break
        if one.outcome is Outcome.FAILED:
            first = one
    recent = [one for one in past if one.at > now - timedelta(days=DAYS) and one.outcome is Outcome.FAILED]
    return Began(since=first.at if first else None, sha=first.sha if first else Sha(""), times=len(recent))


def _gone(work: UnitOfWork, run: Run, base: Base, cases: Sequence[Case]) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Removed and newly skipped tests; nothing where so many are missing that the run must have ended early."""
    if run.suite.shards > 1:
        return (), ()
    before, now = work.results.in_base(run, base), {case.name: case.outcome for case in cases}
    removed = sorted(before.keys() - now.keys())
    skipped = sorted(
        name
        for name, outcome in now.items()
        if outcome is Outcome.SKIPPED and before.get(name, Outcome.SKIPPED) is not Outcome.SKIPPED
    )
    ended_early = len(removed) > len(before) // 2
    return (() if ended_early else tuple(removed[:_LISTED])), tuple(skipped[:_LISTED])

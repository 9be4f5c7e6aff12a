"""Finding the commit that broke a branch (`domain/bisecting`): each step is a run of one suite through the one door.

The store holds all of it, so that any process takes the next step: what is known of a commit follows from its runs.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from bot.app import merging, starting
from bot.app.context import App
from bot.domain.bisecting import (
    MOST_COMMITS,
    MOST_RUNS,
    Bisection,
    BisectionState,
    Ended,
    Finding,
    next_step,
)
from bot.domain.errors import BotError, NotAllowed, Refused, Unavailable
from bot.domain.planning import Sharing, Trigger
from bot.domain.refs import Person, Repository, Sha
from bot.domain.results import Mark, Outcome
from bot.domain.runs import Build, BuildId, Cause, Reason, Run, RunId, RunState, Trust
from bot.domain.suites import Notify
from bot.domain.texts import one_line
from bot.ports.queue import SendNotice
from bot.ports.source import Wanted
from bot.ports.store import UnitOfWork

log = structlog.get_logger()

_AT_ONCE: Final = 100
"""Searches that one turn looks at."""
_NAMED: Final = 5
_FAILED: Final = 10_000
"""Tests of a run that are looked at."""
_OF_A_BRANCH: Final = frozenset({Cause.PUSH, Cause.SCHEDULE, Cause.RERUN})
_BROKEN: Final = frozenset({RunState.FAILED, RunState.TIMED_OUT})


@dataclass(frozen=True, slots=True)
class Step:
    """One commit of a search, and what is known of it."""

    sha: Sha
    finding: Finding | None = None
    """None: nothing yet."""
    run: Run | None = None
    """What tells so, or is about to."""
    is_first_bad: bool = False


def may_be_asked(build: Build, run: Run) -> bool:
    """It failed on a branch; who may ask is the caller's to know."""
    is_on_branch = build.change is None and build.cause in _OF_A_BRANCH and build.trust is Trust.TRUSTED
    return is_on_branch and run.state in _BROKEN and run.bisection is None


def begin(app: App, repository: Repository, build: Build, run: Run, person: Person) -> Bisection:
    """Search for the commit that broke the run's suite; the search that there is, if somebody has asked before.

    Raises:
        NotAllowed: there is nothing to search for; the words say why.
    """
    if not may_be_asked(build, run):
        raise NotAllowed(f"{run.suite.key} did not fail on a branch, so there is no commit to look for")
    with app.work() as work:
        known = work.bisections.of_run(run.id)
        good = work.bisections.last_good(run, build.ref)
    if known is not None:
        return known
    if good is None:
        raise NotAllowed(f"{run.suite.key} has never passed on {build.ref}, so there is no commit to look for")
    commits = _commits(app, repository, build, good.sha)
    draft = Bisection(
        repository=repository.id,
        build=build.id,
        run=run.id,
        branch=build.ref,
        suite=run.suite.key,
        good=good.sha,
        commits=commits,
        actor=person.login,
        created_at=app.now(),
    )
    with app.work() as work:
        made = work.bisections.add(draft)
        detail = f"{run.suite.key}: {len(commits)} commits behind {good.sha}"
        work.audit.add(
            repository=repository.id, actor=person.login, action="bisect", subject=f"build:{build.id}", detail=detail
        )
    log.info("bisect.begun", bisection=made.id, commits=len(commits))
    _step_on(app, made)
    with app.work() as work:
        return work.bisections.get(made.id)


def _commits(app: App, repository: Repository, build: Build, good: Sha) -> tuple[Sha, ...]:
    """Raises: NotAllowed."""
    forge = app.forge_of(repository)
    wanted = merging.wanted_of(build, forge.dialect)
    onto = Wanted(repository=repository.id, sha=good, refs=wanted.refs)
    try:
        commits = app.source.between(
            replace(wanted, onto=onto), lambda: forge.access(repository), lambda: False, MOST_COMMITS
        )
    except Refused as error:
        raise NotAllowed(str(error)) from error
    if not commits:
        raise NotAllowed(f"the same commit has passed before, so no other has broken {build.ref}")
    return tuple(commits)


def advance(app: App) -> int:
    """Take the next step of every search whose last one has ended; how many steps."""
    with app.work() as work:
        running = work.bisections.running(_AT_ONCE)
    return sum(_step_on(app, one) for one in running)


def _step_on(app: App, bisection: Bisection) -> bool:
    """What the forge does not answer now is asked again with the next turn."""
    try:
        return _stepped(app, bisection)
    except Unavailable as error:
        log.warning("bisect.postponed", bisection=bisection.id, error=str(error))
        return False
    except BotError as error:
        return _end(app, bisection, BisectionState.STOPPED, str(error)[:500])


def _stepped(app: App, bisection: Bisection) -> bool:
    with app.work() as work:
        runs = work.bisections.runs(bisection.id)
        known = _known(work, bisection)
        repository = work.repositories.get(bisection.repository)
    if any(not run.state.is_final for run in runs):
        return False
    if stopped := next((run for run in runs if run.reason is Reason.USER), None):
        return _end(app, bisection, BisectionState.STOPPED, f"stopped by {stopped.note}")
    step = next_step(bisection.commits, known)
    if isinstance(step, Ended):
        return _conclude(app, repository, bisection, step)
    if len(runs) >= MOST_RUNS:
        return _end(app, bisection, BisectionState.UNCLEAR, f"given up after {MOST_RUNS} runs")
    return _try(app, repository, bisection, step.sha)


def _conclude(app: App, repository: Repository, bisection: Bisection, end: Ended) -> bool:
    if end.first_bad is None:
        names = ", ".join(sha[:7] for sha in end.suspects[:_NAMED]) + (" …" if len(end.suspects) > _NAMED else "")
        words = f"one of {len(end.suspects)} commits, of which the others can't be tested: {names}"
        return _end(app, bisection, BisectionState.UNCLEAR, words)
    message = app.forge_of(repository).commit_message(repository, end.first_bad)
    title = one_line(message.strip().partition("\n")[0], 200)
    return _end(app, bisection, BisectionState.FOUND, title, end.first_bad)


def _try(app: App, repository: Repository, bisection: Bisection, sha: Sha) -> bool:
    trigger = Trigger(
        key=f"{Cause.BISECT}:{bisection.id}:{sha}",
        repository=repository,
        sha=sha,
        cause=Cause.BISECT,
        ref=bisection.branch,
        title=f"first bad commit of build {bisection.build}",
        sender=Person(0, bisection.actor),
        trust=Trust.TRUSTED,
        sharing=Sharing.NONE,
        only=(bisection.suite,),
        bisection=bisection.id,
        repeats=bisection.run,
        may_start=True,
    )
    starting.start(app, trigger)
    with app.work() as work:
        if any(run.sha == sha for run in work.bisections.runs(bisection.id)):
            return True
        # No suite file, an invalid one, or the suite is not in it.
        return work.bisections.save(replace(bisection, untestable=(*bisection.untestable, sha)))


def _end(app: App, bisection: Bisection, state: BisectionState, note: str, first_bad: Sha | None = None) -> bool:
    ended = replace(bisection, state=state, note=note, first_bad=first_bad, finished_at=app.now())
    with app.work() as work:
        if not work.bisections.save(ended):
            return False
        if first_bad is not None:
            _tell(work, ended)
    log.info("bisect.ended", bisection=bisection.id, state=state.value, first_bad=first_bad)
    return True


def _tell(work: UnitOfWork, bisection: Bisection) -> None:
    """The channels that hear of the build hear of what broke it."""
    suite = work.runs.get(bisection.run).suite.name
    for one in work.notices.of_build(bisection.build):
        if one.bisection is None and (not one.suites or suite in one.suites):
            wanted = Notify(channel=one.channel, suites=one.suites, send=one.send)
            work.send(SendNotice(work.notices.add(bisection.build, wanted, bisection=bisection.id)))


def of_build(work: UnitOfWork, number: BuildId) -> Sequence[tuple[Bisection, Sequence[Step]]]:
    """Its searches, each with all commits that something is known of or that are being run."""
    return [(one, _steps(work, one)) for one in work.bisections.of_build(number)]


def _steps(work: UnitOfWork, bisection: Bisection) -> Sequence[Step]:
    known = _known(work, bisection)
    runs = _telling(work, bisection) | {run.sha: run for run in work.bisections.runs(bisection.id)}
    return [
        Step(sha, known.get(sha), runs.get(sha), is_first_bad=sha == bisection.first_bad)
        for sha in bisection.commits
        if sha in known or sha in runs
    ]


def _telling(work: UnitOfWork, bisection: Bisection) -> dict[Sha, Run]:
    """Of each commit that has run already the newest run."""
    return {run.sha: run for run in work.bisections.told(bisection)}


def _known(work: UnitOfWork, bisection: Bisection) -> Mapping[Sha, Finding]:
    """What pushes have shown already, and what the search has found; of commits where something has ended."""
    bad = work.runs.get(bisection.run)
    wanted = _wanted_tests(work, bad)
    earlier = _telling(work, bisection)
    told = {sha: _finding(work, bad, wanted, run) for sha, run in earlier.items()}
    found: dict[Sha, Finding] = {sha: finding for sha, finding in told.items() if finding is not Finding.UNTESTABLE}
    steps = [run for run in work.bisections.runs(bisection.id) if run.state.is_final]
    found |= {run.sha: _finding(work, bad, wanted, run) for run in steps}
    return found | dict.fromkeys(bisection.untestable, Finding.UNTESTABLE) | {bad.sha: Finding.BAD}


def _wanted_tests(work: UnitOfWork, bad: Run) -> frozenset[str]:
    """The failed tests that are looked for: those that one can rely on, or all if there are no others."""
    if bad.reason is not Reason.TESTS:
        return frozenset()
    results = work.results.of_run(bad.id)
    shaky = {Mark.FLAKY, Mark.QUARANTINED}
    doubtful = {one.name for one in results.failures if one.mark in shaky} if results else set()
    failed = _failed(work, bad.id)
    return frozenset(failed - doubtful or failed)


def _failed(work: UnitOfWork, run: RunId) -> set[str]:
    return {case.name for case in work.results.cases(run, _FAILED, outcome=Outcome.FAILED)}


def _finding(work: UnitOfWork, bad: Run, wanted: Collection[str], run: Run) -> Finding:
    """Only what fails in the same way is bad: a commit that can't even be built says nothing about its tests."""
    if run.state is RunState.PASSED and run.reason is None:
        return Finding.GOOD
    if (run.state, run.reason) != (bad.state, bad.reason):
        return Finding.UNTESTABLE
    if run.reason is not Reason.TESTS:
        return Finding.BAD
    return Finding.GOOD if _failed(work, run.id).isdisjoint(wanted) else Finding.BAD

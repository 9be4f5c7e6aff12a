"""Finding the commit that broke a branch (`domain/bisecting`): each step is a run of one suite through the one door.

The store holds all of it, so that any process takes the next step: what is known of a commit follows from its runs.
"""

from dataclasses import replace
from typing import Final

import structlog

from bot.app import announcing, findings, merging, starting
from bot.app.context import App
from bot.domain.bisecting import (
    MOST_COMMITS,
    MOST_RUNS,
    Bisection,
    BisectionState,
    Ended,
    next_step,
)
from bot.domain.catalog import Chosen
from bot.domain.errors import BotError, NotAllowed, Refused, Unavailable
from bot.domain.planning import Sharing, Trigger
from bot.domain.refs import Person, Repository, Sha
from bot.domain.runs import Build, Cause, Reason, Run, RunState, Trust
from bot.domain.suites import Notify
from bot.domain.texts import one_line
from bot.ports.queue import SendNotice
from bot.ports.source import Wanted
from bot.ports.store import UnitOfWork

log = structlog.get_logger()

_AT_ONCE: Final = 100
"""Searches that one turn looks at."""
_NAMED: Final = 5
_OF_A_BRANCH: Final = frozenset({Cause.PUSH, Cause.SCHEDULE, Cause.RERUN})
_BROKEN: Final = frozenset({RunState.FAILED, RunState.TIMED_OUT})


def may_be_asked(build: Build, run: Run) -> bool:
    """It failed on a branch; who may ask is the caller's to know. Registered suites run there by orders alone."""
    is_told = build.cause in _OF_A_BRANCH or (build.cause is Cause.API and build.chosen is not None)
    is_on_branch = build.change is None and is_told and build.trust is Trust.TRUSTED
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
        good = work.bisections.last_good(run, build.ref, build.chosen)
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
        known = findings.known(work, bisection)
        repository, build = work.repositories.get(bisection.repository), work.builds.get(bisection.build)
    if any(not run.state.is_final for run in runs):
        return False
    if stopped := next((run for run in runs if run.reason is Reason.USER), None):
        return _end(app, bisection, BisectionState.STOPPED, f"stopped by {stopped.note}")
    step = next_step(bisection.commits, known)
    if isinstance(step, Ended):
        return _conclude(app, repository, bisection, step)
    if len(runs) >= MOST_RUNS:
        return _end(app, bisection, BisectionState.UNCLEAR, f"given up after {MOST_RUNS} runs")
    return _try(app, repository, bisection, step.sha, build.chosen)


def _conclude(app: App, repository: Repository, bisection: Bisection, end: Ended) -> bool:
    if end.first_bad is None:
        names = ", ".join(sha[:7] for sha in end.suspects[:_NAMED]) + (" …" if len(end.suspects) > _NAMED else "")
        words = f"one of {len(end.suspects)} commits, of which the others can't be tested: {names}"
        return _end(app, bisection, BisectionState.UNCLEAR, words)
    commit = app.forge_of(repository).commit(repository, end.first_bad)
    named = replace(bisection, first_bad=end.first_bad, author=one_line(commit.author, 100))
    return _end(app, named, BisectionState.FOUND, one_line(commit.message.strip().partition("\n")[0], 200))


def _try(app: App, repository: Repository, bisection: Bisection, sha: Sha, chosen: Chosen | None) -> bool:
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
        chosen=chosen,
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


def _end(app: App, bisection: Bisection, state: BisectionState, note: str) -> bool:
    ended = replace(bisection, state=state, note=note, finished_at=app.now())
    with app.work() as work:
        if not work.bisections.save(ended):
            return False
        announcing.search_ended(work, ended.repository, work.runs.get(ended.run).sha)
        if state is not BisectionState.STOPPED:
            _tell(work, ended)
    log.info("bisect.ended", bisection=bisection.id, state=state.value, first_bad=ended.first_bad)
    return True


def _tell(work: UnitOfWork, bisection: Bisection) -> None:
    """The channels that hear of the build hear of what broke it."""
    suite = work.runs.get(bisection.run).suite.name
    for one in work.notices.of_build(bisection.build):
        if one.bisection is None and (not one.suites or suite in one.suites):
            wanted = Notify(channel=one.channel, suites=one.suites, send=one.send)
            work.send(SendNotice(work.notices.add(bisection.build, wanted, bisection=bisection.id)))

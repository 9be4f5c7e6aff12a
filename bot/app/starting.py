"""The single door to new runs: every trigger comes through here (DESIGN §2.2)."""

from dataclasses import dataclass, replace
from typing import Final

import structlog

from bot.app import announcing, ending, globs, suitefile
from bot.app.context import App
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.planning import ChangedFiles, Decision, Elsewhere, Plan, Skipped, Trigger, Wanted, needs_paths, plan
from bot.domain.runs import Build, BuildId, Cause, Reason, Run, RunId, RunState, Trust
from bot.domain.suites import Suite, SuiteFile
from bot.domain.trust import risky_paths
from bot.ports.queue import ExecuteRun
from bot.ports.store import UnitOfWork

log = structlog.get_logger()

_NOT_REUSABLE: Final = frozenset(
    {RunState.SUPERSEDED, RunState.CANCELLED, RunState.REJECTED, RunState.ERRORED, RunState.SKIPPED}
)


@dataclass(frozen=True, slots=True)
class Started:
    build: Build | None
    reason: str
    """What came of the trigger, in words for the delivery log."""


def start(app: App, trigger: Trigger) -> Started:
    """Plan the trigger and queue what is to run. Safe to repeat: the same trigger gets the build it got before."""
    found = _suite_file(app, trigger)
    if found is None:
        with app.work() as work:
            _supersede(app, work, trigger, keep=set())
        return Started(None, "no suite file")
    if isinstance(found, InvalidSuiteFile):
        planned, path, problems = Plan(()), found.path, found.problems
    else:
        planned, path, problems = _plan(app, trigger, found), found.path, ()
    if not planned.concerns_anybody and not problems and trigger.cause is not Cause.CHANGE:
        return Started(None, f"no suite is for a {trigger.cause} event")
    risky = _risky(app, trigger)
    with app.work() as work:
        build = _new_build(app, work, trigger, path, problems, planned.note, risky)
        if build is None:
            return Started(None, "this commit has its build already")
        runs = _store(app, work, build, trigger, planned)
    log.info("build.started", build=build.id, cause=trigger.cause.value, runs=len(runs), sha=trigger.sha)
    return Started(build, f"build {build.id}")


def _suite_file(app: App, trigger: Trigger) -> SuiteFile | InvalidSuiteFile | None:
    """The one of the commit itself; for a stranger's change too, since it runs only when approved (DESIGN §2.10)."""
    forge = app.forge_of(trigger.repository)
    texts = {}
    for path in suitefile.NAMES:
        data = forge.read_file(trigger.repository, trigger.sha, path, suitefile.LIMIT)
        if data is not None:
            texts[path] = data
    if not texts:
        return None
    if len(texts) > 1:
        return suitefile.both_there()
    ((path, data),) = texts.items()
    try:
        return suitefile.parse(path, data)
    except InvalidSuiteFile as error:
        return error


def _plan(app: App, trigger: Trigger, file: SuiteFile) -> Plan:
    changed = _changed_files(app, trigger) if needs_paths(trigger, file) else None
    return plan(trigger, file, changed, globs.matches, globs.matches_branch)


def _changed_files(app: App, trigger: Trigger) -> ChangedFiles | None:
    return app.forge_of(trigger.repository).changed_files(
        trigger.repository, change=trigger.change, base=trigger.base_sha, head=trigger.sha
    )


def _risky(app: App, trigger: Trigger) -> tuple[str, ...]:
    if trigger.trust is Trust.TRUSTED:
        return ()
    changed = _changed_files(app, trigger)
    return risky_paths(changed.paths) if changed else ()


def _new_build(
    app: App,
    work: UnitOfWork,
    trigger: Trigger,
    path: str,
    problems: tuple[Problem, ...],
    note: str,
    risky: tuple[str, ...],
) -> Build | None:
    """None when the trigger has its build already, unless that gave way to something newer (RELIABILITY F42)."""
    earlier = [one for one in work.builds.at(trigger.repository.id, trigger.sha) if _natural(one.key) == trigger.key]
    if earlier and not _gave_way(work, earlier[0]):
        return None
    return work.builds.add(
        Build(
            id=BuildId(0),
            key=f"{trigger.key}#{len(earlier)}",
            repository=trigger.repository.id,
            sha=trigger.sha,
            cause=trigger.cause,
            ref=trigger.ref,
            base_ref=trigger.base_ref,
            base_sha=trigger.base_sha,
            change=trigger.change,
            title=trigger.title[:200],
            sender_id=trigger.sender.id,
            sender=trigger.sender.login,
            trust=trigger.trust,
            suite_file=path,
            problems=problems,
            note=note,
            risky_paths=risky,
            created_at=app.now(),
        )
    )


def _natural(key: str) -> str:
    return key.rpartition("#")[0]


def _gave_way(work: UnitOfWork, build: Build) -> bool:
    reasons = (Reason.SUPERSEDED, Reason.CLOSED, Reason.BRANCH_DELETED)
    return any(run.reason in reasons or run.cancel in reasons for run in work.runs.of_build(build.id))


def _store(app: App, work: UnitOfWork, build: Build, trigger: Trigger, planned: Plan) -> list[Run]:
    runs = []
    for decision in planned.decisions:
        run = _run_for(app, work, build, trigger, decision)
        if run is not None:
            runs.append(run)
    _supersede(app, work, trigger, keep={run.id for run in runs})
    announcing.build_made(work, build)
    return runs


def _run_for(app: App, work: UnitOfWork, build: Build, trigger: Trigger, decision: Decision) -> Run | None:
    """A new run, or one of another build of this commit that says the same (cases C28, C63)."""
    match decision:
        case Elsewhere():
            return None
        case Skipped(suite, reason, note):
            known = work.runs.latest_at(build.repository, build.sha, suite.name)
            if known is not None and known.state not in _NOT_REUSABLE:
                work.builds.share(build.id, known.id)
                return known
            return _add(app, work, build, suite, RunState.SKIPPED, reason, note)
        case Wanted(suite):
            known = work.runs.latest_at(build.repository, build.sha, suite.name)
            if known is not None and _may_share(known, trigger):
                work.builds.share(build.id, known.id)
                return known
            waits = trigger.trust is Trust.UNTRUSTED
            return _add(app, work, build, suite, RunState.AWAITING_APPROVAL if waits else RunState.QUEUED)


def _may_share(known: Run, trigger: Trigger) -> bool:
    good_enough = known.trust is Trust.TRUSTED or trigger.trust is Trust.UNTRUSTED
    return not trigger.fresh and known.state not in _NOT_REUSABLE and known.cancel is None and good_enough


def _add(
    app: App,
    work: UnitOfWork,
    build: Build,
    suite: Suite,
    state: RunState,
    reason: Reason | None = None,
    note: str = "",
) -> Run:
    now = app.now()
    run = Run(
        id=RunId(app.new_id()),
        build=build.id,
        repository=build.repository,
        sha=build.sha,
        suite=suite,
        trust=build.trust,
        state=state,
        reason=reason,
        note=note,
        created_at=now,
        finished_at=now if state.is_final else None,
    )
    work.runs.add(run)
    announcing.run_made(work, build, run)
    if state is RunState.QUEUED:
        work.send(ExecuteRun(run.id))
    return run


def _supersede(app: App, work: UnitOfWork, trigger: Trigger, keep: set[RunId]) -> None:
    """End the unfinished runs of the change's older heads, but not those that the new build shares."""
    if trigger.change is None:
        return
    for older in work.builds.of_change(trigger.repository.id, trigger.change):
        for run in work.runs.of_build(older.id):
            if run.id not in keep:
                ending.end_run(app, work, run, Reason.SUPERSEDED, f"superseded by {trigger.sha[:7]}")


def approve(app: App, work: UnitOfWork, build: Build) -> int:
    """Queue the build's runs that wait for approval; how many. Who may do so is the caller's to know."""
    count = 0
    for run in work.runs.of_build(build.id):
        if run.state is RunState.AWAITING_APPROVAL and work.runs.save(run, run.approved(), app.owner):
            announcing.run_made(work, build, replace(run, state=RunState.QUEUED))
            work.send(ExecuteRun(run.id))
            count += 1
    announcing.build_made(work, build)
    return count

"""The single door to new runs: every trigger comes through here (DESIGN §2.2)."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Final

import structlog

from bot.app import announcing, catalog, ending, globs, merging, notifying, quotas, sharing, suite_files, suitefile
from bot.app.context import App
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.planning import (
    ChangedFiles,
    Elsewhere,
    Plan,
    Sharing,
    Skipped,
    Trigger,
    Unstarted,
    Wanted,
    needs_labels,
    needs_paths,
    plan,
)
from bot.domain.runs import Build, BuildId, Cause, Merge, Reason, Run, RunId, RunState, Trust
from bot.domain.suites import Notify, PullRequests, Suite, SuiteFile
from bot.domain.trust import risky_paths
from bot.ports.queue import ExecuteRun
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import SpanName

log = structlog.get_logger()

_GAVE_WAY: Final = frozenset({Reason.SUPERSEDED, Reason.CLOSED, Reason.BRANCH_DELETED})


@dataclass(frozen=True, slots=True)
class Started:
    build: Build | None
    """None: the trigger made no build, or has one already."""
    reason: str
    """What came of the trigger, in words for the delivery log."""
    problems: tuple[Problem, ...] = ()
    """Errors of the suite file."""
    kept: tuple[Run, ...] = ()
    """Runs that stand instead of new ones."""
    file: SuiteFile | InvalidSuiteFile | None = None
    """The commit's suite file; None: it has none."""


@dataclass(frozen=True, slots=True)
class _Choice:
    """What one suite of the plan comes to: a run that is there (`known`), or a new one in that state."""

    suite: Suite
    known: Run | None = None
    state: RunState = RunState.QUEUED
    reason: Reason | None = None
    note: str = ""
    repeats: RunId | None = None
    """Of a new one: the run whose failed tests alone it runs."""

    @property
    def is_to_run(self) -> bool:
        return self.known is None and not self.state.is_final

    @property
    def is_news(self) -> bool:
        return self.known is None and (self.state is not RunState.SKIPPED or self.reason is Reason.MANUAL)


def start(app: App, trigger: Trigger) -> Started:
    """Plan the trigger and queue what is to run. Safe to repeat: the same trigger makes nothing twice."""
    where = trigger.repository
    with app.traces.span(SpanName.START, repository=f"{where.forge}:{where.path}", sha=trigger.sha) as span:
        span.tell(cause=trigger.cause)
        started = _start(app, trigger)
        if started.build is not None:
            span.tell(build=started.build.id)
        return started


def _start(app: App, trigger: Trigger) -> Started:
    found = _file(app, trigger)
    if found is None:
        with app.work() as work:
            _supersede(app, work, trigger, [])
        return Started(None, "no suite file")
    draft, planned = _draft(app, trigger, found), Plan(())
    if isinstance(found, SuiteFile):
        planned = _plan(app, trigger, found)
        if not planned.concerns_anybody and trigger.change is None:
            return Started(None, f"no suite is for a {trigger.cause} event", file=found)
        if found.test_merge:
            draft = merging.merged(app, trigger.repository, draft)
            planned = planned if not draft.conflicts else Plan(())
    notify = found.notify if isinstance(found, SuiteFile) else ()
    return replace(_build(app, trigger, planned, draft, notify), file=found)


def _file(app: App, trigger: Trigger) -> SuiteFile | InvalidSuiteFile | None:
    if trigger.chosen is None:
        return suite_files.at(app, trigger.repository, trigger.sha)
    try:
        return catalog.file_of(app, trigger.chosen)
    except InvalidSuiteFile as error:
        return error


def _plan(app: App, trigger: Trigger, file: SuiteFile) -> Plan:
    changed = _changed_files(app, trigger) if needs_paths(trigger, file) else None
    labels = _labels(app, trigger) if needs_labels(trigger, file) else None
    return plan(trigger, file, changed, globs.matches, globs.matches_branch, labels)


def _changed_files(app: App, trigger: Trigger) -> ChangedFiles | None:
    return app.forge_of(trigger.repository).changed_files(
        trigger.repository, change=trigger.change, base=trigger.base_sha, head=trigger.sha
    )


def _labels(app: App, trigger: Trigger) -> Sequence[str] | None:
    """As they are now: the calls about them may come in any order."""
    if trigger.change is None:
        return None
    return app.forge_of(trigger.repository).change(trigger.repository, trigger.change).labels


def _build(app: App, trigger: Trigger, planned: Plan, draft: Build, notify: tuple[Notify, ...]) -> Started:
    risky, unknown = _risky(app, trigger)
    draft = replace(draft, note=planned.note or unknown, risky_paths=risky)
    with app.work() as work:
        work.builds.hold(trigger.repository.id, trigger.sha)
        number = _epoch(work, trigger)
        if number is None:
            # The change may have come back to it from a head that has unfinished runs.
            _supersede(app, work, trigger, [], older_go_on=not draft.pull_requests.cancel_superseded)
            return Started(None, "this commit has its build already")
        is_step = trigger.bisection is not None
        choices = _step(trigger, planned) if is_step else _chosen(app, work, trigger, planned, draft)
        kept = tuple(one.known for one in choices if one.known)
        for_news = trigger.is_asked_for or trigger.sharing is Sharing.KNOWN
        if for_news and not draft.conflicts and not any(one.is_news for one in choices):
            return Started(None, "nothing to run", draft.problems, kept)
        build = work.builds.add(replace(draft, key=f"{trigger.key}#{number}"))
        if build is None:
            return Started(None, "this commit has its build already")
        runs = [_enter(app, work, build, one, trigger.bisection) for one in choices]
        if not is_step:
            _make_known(app, work, trigger, build, runs)
            notifying.plan(work, build, trigger, notify)
    log.info("build.started", build=build.id, cause=trigger.cause.value, runs=len(runs), sha=trigger.sha)
    return Started(build, f"build {build.id}", draft.problems, kept)


def _make_known(app: App, work: UnitOfWork, trigger: Trigger, build: Build, runs: list[Run]) -> None:
    if not any(run.state is RunState.AWAITING_APPROVAL for run in runs):
        # Until it is approved a stranger's build speaks through the aggregate alone (PRODUCT §2.3).
        _announce(work, build, runs)
    _supersede(app, work, trigger, runs, older_go_on=not build.pull_requests.cancel_superseded)
    announcing.look_at_needs(work, build.repository, build.sha)
    # A suite's check tells at once that something has begun; the sum may wait for the end of a short one.
    is_begun = any(run.build == build.id and run.state is RunState.QUEUED for run in runs)
    announcing.build_made(work, build, app.rules.progress_pause if is_begun else 0)


def _risky(app: App, trigger: Trigger) -> tuple[tuple[str, ...], str]:
    """What an approver must look at, and a remark when the list of changed files is not whole."""
    if trigger.trust is Trust.TRUSTED or trigger.approved:
        return (), ""
    changed = _changed_files(app, trigger)
    unknown = "" if changed is not None and changed.complete else "The list of changed files is not known whole."
    return (risky_paths(changed.paths) if changed else ()), unknown


def _epoch(work: UnitOfWork, trigger: Trigger) -> int | None:
    """How often the trigger was granted before; None: it has its build, which did not give way (RELIABILITY F42)."""
    builds = work.builds.at(trigger.repository.id, trigger.sha)
    earlier = [one for one in builds if one.key.rpartition("#")[0] == trigger.key]
    if earlier and not any(_gave_way(work, trigger, run) for run in work.runs.of_build(earlier[0].id)):
        return None
    return len(earlier)


def _gave_way(work: UnitOfWork, trigger: Trigger, run: Run) -> bool:
    """It was ended for something newer, or skipped as a draft's, and nothing has taken its place on this commit."""
    was_draft = run.reason is Reason.DRAFT and not trigger.draft
    if run.reason not in _GAVE_WAY and run.cancel not in _GAVE_WAY and not was_draft:
        return False
    latest = work.runs.latest_at(run.repository, run.sha, run.suite.key)
    return latest is not None and latest.id == run.id


def _draft(app: App, trigger: Trigger, file: SuiteFile | InvalidSuiteFile) -> Build:
    """The build as far as the trigger and the suite file say it."""
    return Build(
        id=BuildId(0),
        key=trigger.key,
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
        author_id=trigger.author,
        trust=trigger.trust,
        approved=trigger.approved,
        suite_file=file.path,
        chosen=trigger.chosen,
        problems=file.problems if isinstance(file, InvalidSuiteFile) else (),
        warnings=suitefile.without_effect(file) if isinstance(file, SuiteFile) else (),
        pull_requests=file.pull_requests if isinstance(file, SuiteFile) else PullRequests(),
        head_at=trigger.head_at,
        trace=app.traces.current(),
        created_at=app.now(),
    )


def _choose(work: UnitOfWork, trigger: Trigger, planned: Plan, merge: Merge | None) -> list[_Choice]:
    """New runs, or those of other builds of this commit that say the same (cases C28, C63)."""
    named = {one.suite.name for one in planned.decisions if isinstance(one, Wanted)} if trigger.only else None
    choices = []
    for decision in planned.decisions:
        if isinstance(decision, Elsewhere):
            continue
        known = work.runs.latest_at(trigger.repository.id, trigger.sha, decision.suite.key)
        if trigger.sharing is Sharing.KNOWN and known is not None and known.reason is not Reason.LABEL:
            choices.append(_Choice(decision.suite, known))
            continue
        match decision:
            case Skipped(suite, reason, note):
                if known is not None and (known.state not in sharing.NOT_SHARED or known.note == note):
                    choices.append(_Choice(suite, known))
                else:
                    choices.append(_Choice(suite, None, RunState.SKIPPED, reason, note))
            case Unstarted(suite, note):
                choices.append(_unstarted(trigger, suite, note, known))
            case Wanted(suite):
                shared = known if known is not None and sharing.fits(work, known, trigger, merge) else None
                choices.append(_wanted(trigger, _without_foreign_needs(suite, named), shared))
    return choices


def _chosen(app: App, work: UnitOfWork, trigger: Trigger, planned: Plan, draft: Build) -> list[_Choice]:
    """All new runs or none: what a quota refuses ends at once, and its checks say why."""
    choices = _choose(work, trigger, planned, draft.merge)
    refusal = quotas.refusal(work, draft, sum(one.is_to_run for one in choices), app.rules)
    if not refusal:
        return choices
    refused = replace(choices[0], known=None, state=RunState.ERRORED, reason=Reason.QUOTA, note=refusal)
    return [replace(refused, suite=one.suite) if one.is_to_run else one for one in choices]


def _step(trigger: Trigger, planned: Plan) -> list[_Choice]:
    """Of a search: its suite alone, whatever else has run there."""
    return [
        _Choice(replace(one.suite, needs=()), repeats=trigger.repeats if one.suite.retry_select else None)
        for one in planned.decisions
        if isinstance(one, Wanted)
    ]


def _wanted(trigger: Trigger, suite: Suite, known: Run | None) -> _Choice:
    waits = trigger.trust is Trust.UNTRUSTED and not trigger.approved
    state = RunState.AWAITING_APPROVAL if waits else RunState.QUEUED
    if known is not None and sharing.may_share(known, trigger):
        return _Choice(suite, known, state)
    return _Choice(suite, None, state, repeats=_repeats(trigger, suite, known))


def _repeats(trigger: Trigger, suite: Suite, known: Run | None) -> RunId | None:
    has_failed_tests = known is not None and known.reason is Reason.TESTS
    return known.id if known and has_failed_tests and trigger.failed_tests and suite.retry_select else None


def _unstarted(trigger: Trigger, suite: Suite, note: str, known: Run | None) -> _Choice:
    """What somebody has started before stands; `/retest` runs it again when it went wrong."""
    if known is not None and (known.state is not RunState.SKIPPED or known.reason is Reason.NEEDS_FAILED):
        if not suite.is_manual or (trigger.may_start and trigger.sharing is Sharing.GOOD):
            return _wanted(trigger, suite, known)
        is_enough = known.trust is trigger.trust or known.trust is Trust.TRUSTED
        if is_enough and (trigger.is_asked_for or known.state not in sharing.NOT_SHARED):
            return _Choice(suite, known)
    elif known is not None and (known.is_unstarted or known.reason is Reason.COMMAND_SKIP):
        return _Choice(suite, known)
    return _Choice(suite, None, RunState.SKIPPED, Reason.MANUAL, note)


def _without_foreign_needs(suite: Suite, named: Collection[str] | None) -> Suite:
    """Who names suites wants them now: they wait only for needs that were named as well. None: nothing was named."""
    return suite if named is None else replace(suite, needs=tuple(one for one in suite.needs if one in named))


def _enter(app: App, work: UnitOfWork, build: Build, choice: _Choice, bisection: int | None) -> Run:
    if choice.known is not None:
        work.builds.share(build.id, choice.known.id)
        return choice.known
    return add_run(
        app,
        work,
        build,
        choice.suite,
        choice.state,
        choice.reason,
        choice.note,
        repeats=choice.repeats,
        bisection=bisection,
    )


def _announce(work: UnitOfWork, build: Build, runs: Sequence[Run]) -> None:
    """The build's own runs speak through their checks from now on; shared ones do so already."""
    for run in runs:
        if run.build == build.id:
            announcing.run_made(work, build, run)


def add_run(
    app: App,
    work: UnitOfWork,
    build: Build,
    suite: Suite,
    state: RunState,
    reason: Reason | None = None,
    note: str = "",
    repeats: RunId | None = None,
    bisection: int | None = None,
) -> Run:
    """Store a new run; one that is queued is hinted at."""
    now = app.now()
    run = Run(
        id=RunId(app.new_id()),
        build=build.id,
        repository=build.repository,
        sha=build.sha,
        suite=suite,
        trust=build.trust,
        state=state,
        blocked=bool(suite.needs) and not state.is_final,
        reason=reason,
        note=note,
        repeats=repeats,
        bisection=bisection,
        created_at=now,
        finished_at=now if state.is_final else None,
    )
    work.runs.add(run)
    if state is RunState.QUEUED and not run.blocked:
        work.send(ExecuteRun(run.id))
    return run


def _supersede(app: App, work: UnitOfWork, trigger: Trigger, runs: list[Run], *, older_go_on: bool = False) -> None:
    """End what gives way: of the change its older heads, and on this commit what the new runs replace.

    The latter is silent: their check speaks for the new run already (BEHAVIOUR §3). `older_go_on`: runs of older
    heads may end by themselves; not those of strangers, which may run on the newest head alone.
    """
    kept, cells = {run.id for run in runs}, {run.suite.key for run in runs}
    replaced = [run for run in work.runs.of_commit(trigger.repository.id, trigger.sha) if run.suite.key in cells]
    if trigger.cause is Cause.CHANGE and trigger.change is not None:
        theirs = ending.unfinished_of_change(work, trigger.repository.id, trigger.change, trigger.own_branch)
        replaced += [
            run for run in theirs if run.sha != trigger.sha and not (older_go_on and run.trust is Trust.TRUSTED)
        ]
    for run in replaced:
        if run.id not in kept:
            ending.end_run(app, work, run, Reason.SUPERSEDED, f"superseded by {trigger.sha[:7]}")


def let_run(app: App, work: UnitOfWork, build: Build) -> int:
    """Queue the build's runs that wait for approval; how many. Who may do so is the caller's to know."""
    count = 0
    for run in work.runs.of_build(build.id):
        if run.state is RunState.AWAITING_APPROVAL and work.runs.save(run, run.approved(), app.owner):
            if not run.blocked:
                work.send(ExecuteRun(run.id))
            count += 1
    _announce(work, build, work.runs.of_build(build.id))
    announcing.look_at_needs(work, build.repository, build.sha)
    announcing.build_made(work, build)
    return count

"""Running a run: claim, sources, container, verdict (DESIGN §4)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Final

import structlog

from bot.app import (
    announcing,
    attending,
    caching,
    collecting,
    comparing,
    globs,
    judging,
    presence,
    quotas,
    secrets,
    selecting,
    sharding,
    tracing,
    verdicts,
)
from bot.app.caching import RunCache
from bot.app.context import App
from bot.app.holding import Hold
from bot.app.jobs import Subject, job_of, marks
from bot.app.merging import wanted_of
from bot.app.runlog import RunLog
from bot.app.selecting import Selection
from bot.app.tracing import nearest
from bot.app.verdicts import Verdict
from bot.domain.errors import ImageMissing, Refused, Unavailable
from bot.domain.runs import Reason, Run, RunState, Trust
from bot.domain.suites import Store
from bot.domain.texts import last_lines
from bot.domain.workers import needs_of
from bot.faultpoints import faultpoint
from bot.ports.queue import ExecuteRun
from bot.ports.sandbox import Exit, Job, Stop
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import Fact, Metric, SpanName

log = structlog.get_logger()

_TAIL: Final = 32 * 1024
"""Bytes at the end of a log that its last lines are taken from."""
_PAUSE_BEFORE_RETRY: Final = 5.0
_PAUSE_BEFORE_OTHERS: Final = 1.0
"""Seconds before a hint that this worker can't follow goes to whoever takes it next."""


def execute(app: App, task: ExecuteRun, shutdown: threading.Event) -> None:
    """Run a queued run to its end; does nothing if another worker was faster. Safe to repeat and to kill anywhere."""
    faultpoint("worker.after_hint")
    if (trouble := app.sandbox.ready()) is not None:
        log.warning("worker.not_ready", trouble=trouble)
        return
    subject = _claim(app, task)
    if subject is None:
        return
    app = app.under(subject.own_rules)
    faultpoint("worker.after_claim")
    run = subject.run
    with (
        structlog.contextvars.bound_contextvars(build=run.build, run=run.id, attempt=run.attempt),
        app.traces.span(SpanName.RUN, nearest(subject.build.trace, task.trace), **_about(subject)) as span,
    ):
        with Hold(app, run, shutdown) as hold:
            app = replace(app, work=hold.work)  # type: ignore[arg-type]  # a context that gives one
            verdict, end = _attempt(app, subject, hold)
            faultpoint("worker.in_parser")
            with tracing.phase(app, SpanName.FINISH):
                _finish(app, replace(subject, run=hold.ours), verdict, end, hold)
            span.tell(state=verdict.state or "queued", reason=verdict.reason or "")
        faultpoint("worker.after_verdict")
        _clean_up(app, run)
        _look_on(app)


def _claim(app: App, task: ExecuteRun) -> Subject | None:
    with app.work() as work:
        run = _fair_claim(app, work, task)
        if run is None:
            return None
        announcing.run_changed(work, run, app.rules.progress_pause)
        build = work.builds.get(run.build)
        own = work.repositories.own_rules(run.repository)
        subject = Subject(run, build, work.repositories.get(run.repository), own)
        waited = work.runs.waited(run)
    now = app.now()
    app.telemetry.observe(Metric.QUEUE_SECONDS, waited)
    parent = nearest(build.trace, task.trace)
    app.traces.past(SpanName.QUEUE, parent, now - timedelta(seconds=waited), now, **_about(subject))
    log.info("run.claimed", run=run.id, suite=run.suite.name, attempt=run.attempt)
    return subject


def _about(subject: Subject) -> dict[str, Fact]:
    run, where = subject.run, subject.repository
    return {
        "build": run.build,
        "run": run.id,
        "attempt": run.attempt,
        "suite": run.suite.key,
        "repository": f"{where.forge}:{where.path}",
    }


def _fair_claim(app: App, work: UnitOfWork, task: ExecuteRun) -> Run | None:
    """A hint tells that something waits; whose turn it is, the store knows. There are as many hints as runs."""
    room = work.workers.room(app.process, app.rules.ceiling)
    turn = work.runs.whose_turn(room, app.rules.quotas) if room is None or room.is_there else None
    if turn is None:
        _hand_on(app, work, task)
        return None
    return work.runs.claim(turn, app.owner, app.rules.lease, app.rules.quotas)


def _hand_on(app: App, work: UnitOfWork, task: ExecuteRun) -> None:
    """What this worker can't take now, another might."""
    run = work.runs.get(task.run)
    if run.state is not RunState.QUEUED or run.blocked or quotas.hindrance(work, run, app.rules):
        return
    if presence.others(work, app, needs_of(run.suite)):
        work.send(task, delay=_PAUSE_BEFORE_OTHERS)


def _look_on(app: App) -> None:
    """There is room again: what waits for just that gets a hint at once."""
    with app.work() as work:
        room = work.workers.room(app.process, app.rules.ceiling)
        if room and room.is_there and (turn := work.runs.whose_turn(room, app.rules.quotas)):
            work.send(ExecuteRun(turn))


def _attempt(app: App, subject: Subject, hold: Hold) -> tuple[Verdict, Exit | None]:
    """What came of the attempt, and how the container ended if there was one."""
    run = subject.run
    runlog = RunLog(app, run, hold)
    if run.attempt > 1:
        runlog.note(f"Attempt {run.attempt}: {run.note or 'the one before was lost'}.")
    try:
        if (stale := _stale(app, subject)) is not None:
            return stale, None
        granted = secrets.secrets_for(app, run.repository, run.suite.secrets, run.trust)
        word = app.new_id()
        selected = selecting.selection(app, run)
        suite = sharding.planned(app, subject, selecting.narrowed(run.suite, selected))
        runlog.expect(granted.values.values(), marks(suite, word))
        for note in filter(None, (*granted.notes, selected.note)):
            runlog.note(note)
        job = job_of(app, replace(subject, run=replace(run, suite=suite)), granted.values, word)
        _refuse_other_images(app, job)
        _prepare(app, subject, job, hold)
        return _run(app, subject, job, hold, runlog, selected)
    except (Refused, Unavailable) as error:
        stopped = hold.should_stop()
        verdict = verdicts.of_exit(Exit(code=None, stopped=stopped)) if stopped else verdicts.of_error(error)
        runlog.note(f"Could not run: {error}")
        return verdict, None
    finally:
        runlog.end()
        hold.ours = replace(hold.ours, groups=runlog.groups)


def _refuse_other_images(app: App, job: Job) -> None:
    """Raises: ImageMissing: one that is not allowed here."""
    for image in (job.image, *(service.image for service in job.services)):
        if not all(globs.matches_image(allowed, image) for allowed in app.rules.images):
            raise ImageMissing(f"the image {image} is not allowed in this repository")


def _stale(app: App, subject: Subject) -> Verdict | None:
    """A stranger's change is approved for one head: compare again before it runs (RELIABILITY S035)."""
    build = subject.build
    if subject.run.trust is Trust.TRUSTED or build.change is None:
        return None
    change = app.forge_of(subject.repository).change(subject.repository, build.change)
    if not change.is_open:
        words = f"{app.dialect_of(subject.repository).change} closed"
        return Verdict(RunState.CANCELLED, Reason.CLOSED, words)
    if change.head != build.sha:
        return Verdict(RunState.SUPERSEDED, Reason.SUPERSEDED, f"superseded by {change.head[:7]}")
    return None


def _prepare(app: App, subject: Subject, job: Job, hold: Hold) -> None:
    """The container is made while the sources come; when one of both fails, the other is given up."""
    folder = app.sandbox.workspace(job)
    given_up = threading.Event()

    def should_stop() -> Stop | None:
        return hold.should_stop() or (Stop.CANCELLED if given_up.is_set() else None)

    with ThreadPoolExecutor(1, "checkout") as thread:
        sources = thread.submit(copy_context().run, _check_out, app, subject, folder, should_stop)
        sources.add_done_callback(lambda done: given_up.set() if done.exception() else None)
        try:
            _make_container(app, job, should_stop)
        except BaseException:
            given_up.set()
            raise
        sources.result()


def _check_out(app: App, subject: Subject, folder: Path, should_stop: Callable[[], Stop | None]) -> None:
    forge, build = app.forge_of(subject.repository), subject.build
    wanted = wanted_of(build, forge.dialect)
    with tracing.phase(app, SpanName.CHECKOUT):
        app.source.checkout(
            wanted, lambda: forge.access(subject.repository), folder, lambda: should_stop() is not None
        )


def _make_container(app: App, job: Job, should_stop: Callable[[], Stop | None]) -> None:
    with tracing.phase(app, SpanName.PREPARE):
        for image in dict.fromkeys((job.image, *(service.image for service in job.services))):
            app.sandbox.prepare(image, should_stop)
        if not should_stop():
            app.sandbox.set_up(job)


def _cache(app: App, subject: Subject, hold: Hold, runlog: RunLog) -> RunCache:
    run, ends = subject.run, (Stop.CANCELLED, Stop.LEASE_LOST, Stop.SHUTDOWN)
    allowed = caching.rights(run, subject.build, subject.repository)
    return RunCache(app, run, allowed, runlog.note, lambda: hold.should_stop() in ends)


def _run(
    app: App, subject: Subject, job: Job, hold: Hold, runlog: RunLog, selected: Selection
) -> tuple[Verdict, Exit | None]:
    run, cache = subject.run, _cache(app, subject, hold, runlog)
    cache.restore()

    def on_start() -> None:
        hold.set_deadline(job.deadline, run.suite.no_output_timeout)
        _note_start(app, run, hold)

    def should_stop() -> Stop | None:
        runlog.tick()
        return hold.should_stop()

    if not hold.confirm():
        return verdicts.of_exit(Exit(code=None, stopped=hold.should_stop())), None
    with tracing.phase(app, SpanName.CONTAINER):
        end = app.sandbox.run(job, write=runlog.write, should_stop=should_stop, on_start=on_start)
    faultpoint("worker.after_exit")
    if end.service:
        output = app.sandbox.service_log(run.id, run.attempt, end.service)
        runlog.note(f"{end.error}. The last that {end.service} printed:")
        runlog.write(output)
    runlog.end(end.code if end.by_itself else None)
    log.info("run.container_ended", code=end.code, stopped=end.stopped, out_of_memory=end.out_of_memory)
    judged = judging.Subject(run=hold.ours, build=subject.build, repository=subject.repository, selected=selected)
    with tracing.phase(app, SpanName.RESULTS):
        verdict = judging.judge(app, judged, verdicts.of_exit(end), runlog.masked, lambda: _is_lost(hold))
        attending.keep_words(app, app.sandbox, hold.ours, job, runlog.hidden, lambda: _is_lost(hold))
        _collect(app, hold.ours, verdict, hold, runlog)
        if verdict.state is RunState.PASSED:
            cache.keep()
            runlog.end()
    return verdict, end


def _is_lost(hold: Hold) -> bool:
    return hold.should_stop() in (Stop.LEASE_LOST, Stop.SHUTDOWN)


def _collect(app: App, run: Run, verdict: Verdict, hold: Hold, runlog: RunLog) -> None:
    """Artifacts cost no verdict: what is missing is said in the log and in their list."""
    wanted = run.suite.artifacts
    if wanted is None or (wanted.store is Store.ON_FAILURE and verdict.state is RunState.PASSED):
        return
    budget = collecting.Budget(size=app.rules.artifact_limit)
    files = app.sandbox.files(run.id, run.attempt, partial(globs.matches, wanted.paths), budget.of_sandbox)
    collected = collecting.collect(
        app, run, files, keep=wanted.keep, budget=budget, should_stop=lambda: _is_lost(hold)
    )
    if collected.truncated:
        runlog.note(f"Not all artifacts were kept: {collected.truncated}.")
        runlog.end()


def _note_start(app: App, run: Run, hold: Hold) -> None:
    running = run.running(app.now())
    if not hold.insist(lambda: _save_start(app, run, running)):
        hold.lose()
        return
    log.info("run.started")
    hold.ours = running
    faultpoint("worker.while_running")


def _save_start(app: App, run: Run, running: Run) -> bool:
    with app.work() as work:
        if not work.runs.save(run, running, app.owner):
            return _is_stored(work, running)
        announcing.run_changed(work, running, app.rules.progress_pause)
    return True


def _is_stored(work: UnitOfWork, after: Run) -> bool:
    """Who repeats what the store took and could not answer finds it done."""
    now = work.runs.get(after.id)
    return (now.state, now.fence) == (after.state, after.fence)


def _finish(app: App, subject: Subject, verdict: Verdict, end: Exit | None, hold: Hold) -> None:
    """One transaction: verdict, test results and report. Without effect when another worker has the run by now."""
    before = subject.run
    facts: dict[str, object] = {
        "tail": hold.insist(lambda: _tail(app, before)),
        "exit_code": end.code if end else None,
        "out_of_memory": end.out_of_memory if end else False,
        "peak_memory": end.peak_memory if end else None,
        "cpu_seconds": end.cpu_seconds if end else None,
    }
    after = _ended(app, before, verdict, hold.run, end, facts)
    if not hold.insist(partial(_save, app, subject, after, verdict)):
        # Going back to the queue is refused when somebody wants the run to end meanwhile.
        wishes = hold.insist(lambda: _stored(app, before))
        after = _ended(app, before, verdict, wishes, end, facts)
        if not hold.insist(partial(_save, app, subject, after, verdict)):
            log.warning("run.verdict_discarded", state=after.state.value)
            return
    if after.state.is_final:
        app.logs.close(after.id)
    app.telemetry.count(Metric.RUNS, state=after.state.value, reason=(after.reason or ""))
    log.info("run.ended", state=after.state.value, reason=after.reason, note=after.note)


def _stored(app: App, run: Run) -> Run:
    with app.work() as work:
        return work.runs.get(run.id)


def _save(app: App, subject: Subject, after: Run, verdict: Verdict) -> bool:
    before = subject.run
    with app.work() as work:
        if not work.runs.save(before, after, app.owner):
            return _is_stored(work, after)
        if after.state.is_final and verdict.results is not None:
            work.results.conclude(after, comparing.branch_of(subject.build), verdict.results)
        announcing.run_changed(work, after)
        if after.state is RunState.QUEUED:
            is_our_fault = after.failures == before.failures
            work.send(ExecuteRun(after.id), delay=_PAUSE_BEFORE_RETRY * after.attempt if is_our_fault else 0)
    return True


def _ended(app: App, before: Run, verdict: Verdict, wishes: Run, end: Exit | None, facts: dict[str, object]) -> Run:
    """`wishes`: the run as it is stored now, where somebody may have asked for its end."""
    now = app.now()
    if verdict.state in (None, RunState.CANCELLED) and wishes.cancel is not None:
        return before.stopped(wishes.cancel, now, wishes.cancel_note, **facts)
    if verdict.state is None:
        # A selection that did not run is given up: the next attempt runs the whole suite.
        kept = None if verdict.reason is Reason.SELECTION else before.repeats
        return before.given_back(verdict.reason or Reason.INTERNAL, now, verdict.note, repeats=kept)
    if wishes.cancel is None and verdicts.is_tried_again(before, verdict):
        words = verdicts.why_again(verdict, end.code if end else None)
        repeats = before.id if verdict.reason is Reason.TESTS and before.suite.retry_select else None
        return before.tried_again(verdict.reason or Reason.COMMAND, words, repeats=repeats, **facts)
    return before.ended(verdict.state, verdict.reason, now, verdict.note, **facts)


def _tail(app: App, run: Run) -> str:
    length = app.logs.size(run.id)
    start = max(length - _TAIL, 0)
    return last_lines(app.logs.read(run.id, start, _TAIL).decode(errors="replace"))


def _clean_up(app: App, run: Run) -> None:
    """The janitor does it when this fails."""
    try:
        app.sandbox.remove(run.id, run.attempt)
    except Unavailable as error:
        log.warning("run.not_cleaned_up", error=str(error))

"""Running a run: claim, sources, container, verdict (DESIGN §4)."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextvars import copy_context
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Final

import structlog

from bot.app import (
    announcing,
    caching,
    concluding,
    globs,
    presence,
    quotas,
    secrets,
    selecting,
    sharding,
    tracing,
    verdicts,
)
from bot.app.caching import RunCache
from bot.app.concluding import Attempt, conclude, is_stored
from bot.app.context import App
from bot.app.holding import Hold
from bot.app.jobs import Subject, job_of, marks, word_of
from bot.app.merging import wanted_of
from bot.app.runlog import RunLog
from bot.app.selecting import Selection
from bot.app.tracing import nearest
from bot.app.verdicts import Verdict
from bot.domain.errors import ImageMissing, Refused, Unavailable
from bot.domain.runs import Reason, Run, RunState, Trust
from bot.domain.workers import needs_of
from bot.faultpoints import faultpoint
from bot.ports.queue import ExecuteRun
from bot.ports.sandbox import Exit, Job, Stop
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import Fact, Metric, SpanName

log = structlog.get_logger()

_PAUSE_BEFORE_OTHERS: Final = 1.0
"""Seconds before a hint that this worker can't follow goes to whoever takes it next."""


def execute(app: App, task: ExecuteRun, shutdown: threading.Event) -> None:
    """Run a queued run to its end; does nothing if another worker was faster. Safe to repeat and to kill anywhere."""
    faultpoint("worker.after_hint")
    if (trouble := app.sandbox.ready()) is not None:
        log.warning("worker.not_ready", trouble=trouble)
        with app.work() as work:
            _hand_on(app, work, task)
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
            concluding.close(app, subject, verdict, end, hold, span)
        if not hold.is_left:
            concluding.make_room(app, run)


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
        word = word_of(run)
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
        runlog.note(f"Could not run: {error}")
        if stopped:
            return verdicts.of_exit(Exit(code=None, stopped=stopped)), None
        return verdicts.of_error(error, app.worker), None
    finally:
        concluding.end_log(runlog, hold)


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


def _run(
    app: App, subject: Subject, job: Job, hold: Hold, runlog: RunLog, selected: Selection
) -> tuple[Verdict, Exit | None]:
    run, ends = subject.run, (Stop.CANCELLED, Stop.LEASE_LOST, Stop.SHUTDOWN)
    allowed = caching.rights(run, subject.build, subject.repository)
    cache = RunCache(app, run, allowed, runlog.note, lambda: hold.should_stop() in ends)
    attempt = Attempt(subject=subject, job=job, hold=hold, runlog=runlog, selected=selected, cache=cache)
    cache.restore()

    def on_start() -> None:
        hold.set_deadline(job.deadline, run.suite.no_output_timeout)
        _note_start(app, run, hold, runlog.settle())

    if not hold.confirm():
        return verdicts.of_exit(Exit(code=None, stopped=hold.should_stop())), None
    with tracing.phase(app, SpanName.CONTAINER):
        end = app.sandbox.run(job, write=runlog.write, should_stop=attempt.should_stop, on_start=on_start)
    return conclude(app, attempt, end)


def _note_start(app: App, run: Run, hold: Hold, output_at: int) -> None:
    running = run.running(app.now(), output_at)
    if not hold.insist(lambda: _save_start(app, run, running)):
        hold.lose()
        return
    log.info("run.started")
    hold.ours = running
    faultpoint("worker.while_running")


def _save_start(app: App, run: Run, running: Run) -> bool:
    with app.work() as work:
        if not work.runs.save(run, running, app.owner):
            return is_stored(work, running)
        announcing.run_changed(work, running, app.rules.progress_pause)
    return True

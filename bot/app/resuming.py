"""Going on with a run whose worker died or was restarted meanwhile: the same container, the same attempt."""

import threading
from dataclasses import replace
from typing import Final

import structlog

from bot.app import concluding, selecting, tracing, verdicts
from bot.app.concluding import Attempt, conclude
from bot.app.context import App
from bot.app.holding import Hold
from bot.app.jobs import Subject, job_of, marks, word_of
from bot.app.runlog import RunLog
from bot.app.verdicts import Verdict
from bot.domain.errors import Refused, SandboxUnavailable, Unavailable
from bot.domain.runs import Run
from bot.faultpoints import faultpoint
from bot.ports.sandbox import Exit, Started
from bot.ports.telemetry import SpanName

log = structlog.get_logger()

_LAST_WORDS: Final = 3.0
"""Seconds for a script that ended while nobody looked, and whose time is over by now, to say how it ended."""


def resume(app: App, run: Run, shutdown: threading.Event) -> None:
    """`run` was taken over by this process just now."""
    with app.work() as work:
        build = work.builds.get(run.build)
        own = work.repositories.own_rules(run.repository)
        subject = Subject(run, build, work.repositories.get(run.repository), own)
    app = app.under(own)
    with (
        structlog.contextvars.bound_contextvars(build=run.build, run=run.id, attempt=run.attempt),
        app.traces.span(SpanName.RUN, build.trace, build=run.build, run=run.id, attempt=run.attempt) as span,
    ):
        with Hold(app, run, shutdown) as hold:
            app = replace(app, work=hold.work)  # type: ignore[arg-type]  # a context that gives one
            verdict, end = _follow(app, subject, hold)
            faultpoint("worker.in_parser")
            concluding.close(app, subject, verdict, end, hold, span)
        if not hold.is_left:
            concluding.make_room(app, run)


def _follow(app: App, subject: Subject, hold: Hold) -> tuple[Verdict, Exit | None]:
    run = subject.run
    try:
        started = app.sandbox.started(run.id, run.attempt)
        if started is None:
            raise SandboxUnavailable("the container is gone")
        return _read_on(app, subject, hold, started)
    except (Refused, Unavailable) as error:
        stopped = hold.should_stop()
        if stopped:
            return verdicts.of_exit(Exit(code=None, stopped=stopped)), None
        return verdicts.of_error(error, app.worker), None


def _read_on(app: App, subject: Subject, hold: Hold, started: Started) -> tuple[Verdict, Exit | None]:
    run, runlog = subject.run, RunLog(app, subject.run, hold, age=started.age)
    try:
        selected = selecting.selection(app, run)
        suite = selecting.narrowed(run.suite, selected)
        # The values that its container got, not those of today.
        granted = {name: started.env[name] for name in run.suite.secrets if name in started.env}
        runlog.expect(granted.values(), marks(suite, word_of(run)))
        job = job_of(app, replace(subject, run=replace(run, suite=suite)), granted, word_of(run))
        hold.set_deadline(max(job.deadline - started.age, _LAST_WORDS), suite.no_output_timeout)
        attempt = Attempt(subject=subject, job=job, hold=hold, runlog=runlog, selected=selected, cache=None)
        with tracing.phase(app, SpanName.CONTAINER):
            end = app.sandbox.resume(job, write=runlog.write, should_stop=attempt.should_stop)
        return conclude(app, attempt, end)
    finally:
        concluding.end_log(runlog, hold)

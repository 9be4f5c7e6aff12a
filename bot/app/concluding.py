"""What follows the end of a container: verdict, results, artifacts, and one transaction with all of it."""

from dataclasses import dataclass, replace
from functools import partial
from typing import Final

import structlog

from bot.app import announcing, attending, collecting, comparing, globs, judging, tracing, verdicts
from bot.app.caching import RunCache
from bot.app.context import App
from bot.app.holding import Hold
from bot.app.jobs import Subject
from bot.app.runlog import RunLog
from bot.app.selecting import Selection
from bot.app.verdicts import Verdict
from bot.domain.errors import Unavailable
from bot.domain.runs import Reason, Run, RunState
from bot.domain.suites import Store
from bot.domain.texts import last_lines
from bot.faultpoints import faultpoint
from bot.ports.queue import ExecuteRun
from bot.ports.sandbox import Exit, Job, Stop
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import Metric, Span, SpanName

log = structlog.get_logger()

_TAIL: Final = 32 * 1024
"""Bytes at the end of a log that its last lines are taken from."""
_AT_ONCE: Final = frozenset({Reason.WORKER_LOST, Reason.SELECTION})
"""Faults that are gone with the attempt."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Attempt:
    """What has to do with one container."""

    subject: Subject
    job: Job
    hold: Hold
    runlog: RunLog
    selected: Selection
    cache: RunCache | None
    """None: nothing is kept."""

    def should_stop(self) -> Stop | None:
        """What the sandbox asks several times a second."""
        self.runlog.tick()
        return self.hold.should_stop()

    def is_lost(self) -> bool:
        return self.hold.should_stop() in (Stop.LEASE_LOST, Stop.SHUTDOWN)


def conclude(app: App, attempt: Attempt, end: Exit) -> tuple[Verdict, Exit]:
    """The verdict, with what the run left taken out of the sandbox."""
    faultpoint("worker.after_exit")
    verdict, hold, runlog, run = verdicts.of_exit(end), attempt.hold, attempt.runlog, attempt.subject.run
    if end.stopped is Stop.SHUTDOWN and hold.ours.state is RunState.RUNNING:
        hold.is_left = True
        return verdict, end
    if end.service:
        output = app.sandbox.service_log(run.id, run.attempt, end.service)
        runlog.note(f"{end.error}. The last that {end.service} printed:")
        runlog.write(output)
    runlog.end(end.code if end.by_itself else None)
    log.info("run.container_ended", code=end.code, stopped=end.stopped, out_of_memory=end.out_of_memory)
    where = attempt.subject
    judged = judging.Subject(run=hold.ours, build=where.build, repository=where.repository, selected=attempt.selected)
    with tracing.phase(app, SpanName.RESULTS):
        verdict = judging.judge(app, judged, verdict, runlog.masked, attempt.is_lost)
        attending.keep_words(app, app.sandbox, hold.ours, attempt.job, runlog.hidden, attempt.is_lost)
        _collect(app, attempt, verdict)
        if verdict.state is RunState.PASSED and attempt.cache:
            attempt.cache.keep()
            runlog.end()
    return verdict, end


def _collect(app: App, attempt: Attempt, verdict: Verdict) -> None:
    """Artifacts cost no verdict: what is missing is said in the log and in their list."""
    run, runlog = attempt.hold.ours, attempt.runlog
    wanted = run.suite.artifacts
    if wanted is None or (wanted.store is Store.ON_FAILURE and verdict.state is RunState.PASSED):
        return
    budget = collecting.Budget(size=app.rules.artifact_limit)
    files = app.sandbox.files(run.id, run.attempt, partial(globs.matches, wanted.paths), budget.of_sandbox)
    collected = collecting.collect(app, run, files, keep=wanted.keep, budget=budget, should_stop=attempt.is_lost)
    if collected.truncated:
        runlog.note(f"Not all artifacts were kept: {collected.truncated}.")
        runlog.end()


def finish(app: App, subject: Subject, verdict: Verdict, end: Exit | None, hold: Hold) -> None:
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


def is_stored(work: UnitOfWork, after: Run) -> bool:
    """Who repeats what the store took and could not answer finds it done."""
    now = work.runs.get(after.id)
    return (now.state, now.fence) == (after.state, after.fence)


def _save(app: App, subject: Subject, after: Run, verdict: Verdict) -> bool:
    before = subject.run
    with app.work() as work:
        pause = _pause(app, before, after)
        if not work.runs.save(before, after, app.owner, pause=pause):
            return is_stored(work, after)
        if after.state.is_final and verdict.results is not None:
            work.results.conclude(after, comparing.branch_of(subject.build), verdict.results)
        announcing.run_changed(work, after)
        if after.state is RunState.QUEUED:
            work.send(ExecuteRun(after.id), delay=pause)
    return True


def _pause(app: App, before: Run, after: Run) -> float:
    """Before the next attempt: what was wrong with engine, sources or forge may take a while to mend."""
    is_our_fault = after.failures == before.failures and after.reason not in _AT_ONCE
    if after.state is not RunState.QUEUED or not is_our_fault:
        return 0.0
    pauses = app.rules.retry_pauses
    return pauses[min(before.attempt - before.failures, len(pauses)) - 1]


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


def end_log(runlog: RunLog, hold: Hold) -> None:
    """Nothing follows; but of a container that goes on, what may be the start of a secret waits for the rest."""
    if not hold.is_left:
        runlog.end()
    hold.ours = replace(hold.ours, groups=runlog.groups)


def close(app: App, subject: Subject, verdict: Verdict, ended: Exit | None, hold: Hold, span: Span) -> None:
    """Of an attempt, within its hold."""
    if hold.is_left:
        log.info("run.left")
        span.tell(state="left")
        return
    with tracing.phase(app, SpanName.FINISH):
        finish(app, replace(subject, run=hold.ours), verdict, ended, hold)
    span.tell(state=verdict.state or "queued", reason=verdict.reason or "")


def clean_up(app: App, run: Run) -> None:
    """The janitor does it when this fails."""
    try:
        app.sandbox.remove(run.id, run.attempt)
    except Unavailable as error:
        log.warning("run.not_cleaned_up", error=str(error))


def make_room(app: App, run: Run) -> None:
    """After an attempt that has ended here."""
    faultpoint("worker.after_verdict")
    clean_up(app, run)
    look_on(app)


def look_on(app: App) -> None:
    """There is room again: what waits for just that gets a hint at once."""
    with app.work() as work:
        room = work.workers.room(app.process, app.rules.ceiling)
        if room and room.is_there and (turn := work.runs.whose_turn(room, app.rules.quotas)):
            work.send(ExecuteRun(turn))

"""The check of one suite: what people read about a run, state by state (PRODUCT §2.3)."""

import shlex
from collections.abc import Callable, Sequence
from typing import Final

from bot.domain.checks import PASSING, Action, Check, CheckStatus, Conclusion, check_name
from bot.domain.limits_words import limit_advice
from bot.domain.results import Results
from bot.domain.runs import RETRIED, Build, Progress, Reason, Run, RunState, Trust
from bot.domain.suites import Limits, Suite
from bot.domain.tests_words import annotations, coverage_of, failures, faults, headline, more
from bot.domain.texts import between, code, counted, duration, escaped, fence, limit_words, one_line, size
from bot.domain.waiting import NOTHING_KNOWN, Outlook

SIGNS: Final = {
    "queued": "◷",
    "waiting": "‖",
    "running": "▸",
    "passed": "✓",
    "failed": "✗",
    "errored": "!",
    "timed_out": "⏱",
    "cancelled": "⊘",
    "skipped": "↷",
}
RERUN_FAILED: Final = Action("Re-run failed", "Run what failed again", "rerun_failed")
RERUN_ALL: Final = Action("Re-run all", "Run everything again", "rerun_all")
START: Final = Action("Start", "Run this suite now", "start")
_NEAR: Final = 0.8
"""Of its time limit: a suite that usually takes as much will run into it one day."""
_TRY_AGAIN: Final = Action("Try again", "Run this suite once more", "rerun_all")
_ACTIONS: Final = {
    RunState.FAILED: (RERUN_FAILED, RERUN_ALL),
    RunState.ERRORED: (_TRY_AGAIN,),
    RunState.TIMED_OUT: (RERUN_ALL,),
    RunState.CANCELLED: (RERUN_ALL,),
}

_CONCLUSIONS: Final = {
    RunState.PASSED: Conclusion.SUCCESS,
    RunState.FAILED: Conclusion.FAILURE,
    RunState.TIMED_OUT: Conclusion.TIMED_OUT,
    RunState.ERRORED: Conclusion.FAILURE,
    RunState.CANCELLED: Conclusion.CANCELLED,
    RunState.SUPERSEDED: Conclusion.CANCELLED,
    RunState.REJECTED: Conclusion.CANCELLED,
    RunState.SKIPPED: Conclusion.SKIPPED,
}


def suite_check(
    run: Run,
    build: Build,
    url: str,
    limits: Limits,
    results: Results | None = None,
    name: str = "",
    outlook: Outlook = NOTHING_KNOWN,
) -> Check:
    """`url`: the run's page; its log and its tests are there as well. `name`: of the check, if not the suite's."""
    told = [(run, results)] if results else []
    return Check(
        name=name or check_name(run.suite.name),
        sha=run.sha,
        external_id=run.id,
        ref=build.ref,
        change=build.change,
        details_url=url,
        status=status(run),
        conclusion=conclusion(run),
        title=title(run, limits, outlook),
        summary=_summary(run, limits, url, results, outlook.usual),
        text="\n\n".join(filter(None, (more(told), _how_it_ran(run, build) if run.started_at else ""))),
        annotations=annotations(told, lambda _: url, run.suite.annotations),
        actions=buttons(run),
        started_at=run.started_at,
        completed_at=run.finished_at,
        could_not_run=run.state is RunState.ERRORED,
        coverage=coverage_of(told),
    )


def buttons(run: Run) -> tuple[Action, ...]:
    if run.is_unstarted:
        return (START,) if run.suite.is_manual else ()
    return _ACTIONS.get(run.state, ())


def status(run: Run) -> CheckStatus:
    """A run that is queued again after a fault of ours stays in progress: what is shown never goes back."""
    if run.state.is_final:
        return CheckStatus.COMPLETED
    return CheckStatus.IN_PROGRESS if run.attempt else CheckStatus.QUEUED


def conclusion(run: Run) -> Conclusion | None:
    if run.is_unstarted:
        return Conclusion.NEUTRAL
    found = _CONCLUSIONS.get(run.state)
    if run.suite.allow_failure and found in (Conclusion.FAILURE, Conclusion.TIMED_OUT):
        return Conclusion.NEUTRAL
    return found


def failed_before(run: Run) -> str:
    """Of a run whose suite has retries."""
    return "failed once before" if run.failures == 1 else f"failed {run.failures} times before"


def flaky_words(runs: Sequence[Run]) -> str:
    """What a title adds when some of them are flaky."""
    count = sum(run.is_flaky for run in runs)
    return f" ({count} flaky)" if count else ""


def has_passed(run: Run) -> bool:
    """It holds nobody up: passed, may fail, or was skipped by a filter; not if what it needs did not pass."""
    return conclusion(run) in PASSING and run.reason is not Reason.NEEDS_FAILED


def none_could_run(bad: Sequence[Run]) -> bool:
    """Of those that did not pass: was it for none the commit's fault."""
    return bool(bad) and all(run.state is RunState.ERRORED for run in bad)


def title(run: Run, limits: Limits, outlook: Outlook = NOTHING_KNOWN) -> str:
    """Plain text of at most 120 characters."""
    if outlook.wait is not None and run.state is RunState.QUEUED and not (run.attempt or run.waits):
        return f"Queued: {outlook.wait.words}"
    if run.state in _BUSY:
        return one_line(_busy(run, limits, outlook), 120)
    words = one_line(_TITLES[run.state](run, limits), 120)
    if run.is_unstarted:
        return words
    return one_line(f"{words} (allowed to fail)", 120) if conclusion(run) is Conclusion.NEUTRAL else words


def _busy(run: Run, limits: Limits, outlook: Outlook) -> str:
    """How far it is, if its output tells that, else what it does."""
    if run.progress is not None:
        return f"Running: {_so_far(run.progress, outlook.tests)}{outlook.left_words}"
    usually = "" if outlook.usual is None else f", usually {duration(outlook.usual)}"
    return f"{_running(run, limits)}{usually}"


def _so_far(progress: Progress, about: int | None) -> str:
    failed = f", {progress.failed} failed" if progress.failed else ""
    if progress.total is not None and progress.total >= progress.done:
        return f"{progress.done} of {counted(progress.total, 'test')}{failed}"
    if about is not None and about > progress.done:
        return f"{progress.done} of about {counted(about, 'test')}{failed}"
    return f"{counted(progress.done, 'test')} so far{failed}"


def _passed(run: Run, _: Limits) -> str:
    if run.reason is Reason.OVERRIDE:
        return f"Passed: overridden by {run.note}"
    return (
        f"{run.note or 'Passed'} in {duration(_took(run))}{f' (flaky: {failed_before(run)})' if run.is_flaky else ''}"
    )


def _failed(run: Run, limits: Limits) -> str:
    words = _FAILURES.get(run.reason) if run.reason else None
    said = words(run, limits) if words else f"{_command(run)} exited with {run.exit_code}"
    return f"{said} (all {run.failures + 1} attempts failed)" if run.failures else said


def _timed_out(run: Run, _: Limits) -> str:
    if run.reason is Reason.NO_OUTPUT:
        return f"No output for {limit_words(run.suite.no_output_timeout or 0)} in: {_command(run)}"
    return f"Timed out after {limit_words(run.suite.timeout)} in: {_command(run)}"


def _errored(run: Run, _: Limits) -> str:
    return f"Could not run: {run.note or 'an internal error'}"


def _cancelled(run: Run, _: Limits) -> str:
    if run.reason is Reason.USER:
        return f"Cancelled by {run.note}"
    return f"Cancelled: {run.note}" if run.note else "Cancelled"


def _superseded(run: Run, _: Limits) -> str:
    return run.note.capitalize() if run.note else "Superseded by a newer commit"


def _skipped(run: Run, _: Limits) -> str:
    if run.is_unstarted:
        return f"Not started: {run.note or f'/run {run.suite.name} or the button'}"
    return f"Skipped: {run.note}"


def _queued(run: Run, _: Limits) -> str:
    if run.reason in RETRIED or run.reason is Reason.SELECTION:
        return f"Trying again: {run.note}"
    if run.attempt:
        return f"Trying again after a fault of the CI server{f': {run.waits}' if run.waits else ''}"
    return f"Queued: {run.waits or 'waits for a free worker'}"


def _waiting(_: Run, __: Limits) -> str:
    return "Waits for a maintainer's approval"


def _preparing(run: Run, _: Limits) -> str:
    return "Preparing the sources and the image" if run.attempt == 1 else f"Preparing (attempt {run.attempt})"


def _running(run: Run, _: Limits) -> str:
    return f"Running: {_command(run)}"


_BUSY: Final = frozenset({RunState.RUNNING, RunState.FINALIZING})
_Words = Callable[[Run, Limits], str]

_FAILURES: Final[dict[Reason, _Words]] = {
    Reason.TESTS: lambda run, _: run.note,
    Reason.REPORT: lambda run, _: run.note,
    Reason.OUT_OF_MEMORY: lambda run, limits: f"Ran out of memory ({size(limits.memory)}) in: {_command(run)}",
    Reason.LOG_LIMIT: lambda _, limits: f"Stopped: it wrote more than {size(limits.log)} of log",
    Reason.DISK_LIMIT: lambda _, limits: f"Stopped: it used more than {size(limits.disk)} of disk",
    Reason.FILE_SIZE_LIMIT: lambda run, limits: f"{_command(run)} wrote a file of more than {size(limits.file)}",
    Reason.PIDS_LIMIT: lambda run, limits: f"Needed more than {limits.pids} processes in: {_command(run)}",
    Reason.BLOCKED_SYSTEM_CALL: lambda run, _: f"{_command(run)} used a system call that is blocked here",
    Reason.SERVICE: lambda run, _: run.note[:1].upper() + run.note[1:],
    Reason.COMMAND_NOT_RUNNABLE: lambda run, _: f"The script could not be started: {run.note}",
}
_TITLES: Final[dict[RunState, _Words]] = {
    RunState.AWAITING_APPROVAL: _waiting,
    RunState.QUEUED: _queued,
    RunState.PREPARING: _preparing,
    RunState.RUNNING: _running,
    RunState.FINALIZING: _running,
    RunState.PASSED: _passed,
    RunState.FAILED: _failed,
    RunState.TIMED_OUT: _timed_out,
    RunState.ERRORED: _errored,
    RunState.CANCELLED: _cancelled,
    RunState.SUPERSEDED: _superseded,
    RunState.REJECTED: _cancelled,
    RunState.SKIPPED: _skipped,
}


def time_hint(run: Run, usual: float | None) -> str:
    """Said before time-outs begin: the suite usually takes nearly as long as it may."""
    if usual is None or usual < _NEAR * run.suite.timeout:
        return ""
    limit = limit_words(run.suite.timeout)
    return (
        f"This suite usually takes {duration(usual)} of the {limit} that it may take: raise its timeout or split it."
    )


def _about_time(run: Run, usual: float | None) -> str:
    """How long it usually takes, where that says more than the run itself."""
    if usual is not None and run.state is RunState.TIMED_OUT and run.reason is not Reason.NO_OUTPUT:
        return f"It usually takes {duration(usual)}."
    return time_hint(run, usual) if run.state in (*_BUSY, RunState.PASSED) else ""


def _summary(run: Run, limits: Limits, url: str, results: Results | None, usual: float | None) -> str:
    words = _SUMMARIES.get(run.state)
    said = words(run, limits) if words else f"{escaped(title(run, limits, Outlook(usual=usual)))}."
    if run.state is RunState.SKIPPED:
        return said
    links = f"[Log]({url})"
    if results and results.total:
        links += f" · [Test results]({url}#tests)"
        if run.state is RunState.PASSED or run.reason is Reason.TESTS:
            said = f"{headline(results, _took(run))}{_remarks(run)}"
    parts = (said, failures([(run, results)], lambda _: url), faults([results])) if results else (said,)
    here = _here(run).strip() if run.reason is Reason.TESTS else ""
    return "\n\n".join(filter(None, (*parts, _about_time(run, usual), here, links)))


def _passed_summary(run: Run, _: Limits) -> str:
    if run.reason is Reason.OVERRIDE:
        return f"**Overridden**, not run: {escaped(run.note)}. It counts as passed on this commit only."
    return f"**Passed** · {duration(_took(run))}{_remarks(run)}"


def _remarks(run: Run) -> str:
    passed = run.state is RunState.PASSED
    warning = "\n\nA process in it ran out of memory, but the suite passed." if passed and run.out_of_memory else ""
    flaky = f" · **flaky**: {failed_before(run)} on this commit, see the log" if run.is_flaky else ""
    return f"{flaky}{warning}"


def _failed_summary(run: Run, limits: Limits) -> str:
    if run.reason is Reason.REPORT:
        return f"**Failed**, though the command exited with 0: a promised report is not as it should be{_tail(run)}"
    return f"**Failed** · {duration(_took(run))}{_advice(run, limits)}{_tail(run)}{_here(run)}"


def _timed_out_summary(run: Run, _: Limits) -> str:
    if run.reason is Reason.NO_OUTPUT:
        silent = limit_words(run.suite.no_output_timeout or 0)
        return (
            f"Stopped after **{silent}** without output.{_tail(run)}\n\nRaise `no_output_timeout` if it needs longer."
            f"{_here(run)}"
        )
    stopped = f"Stopped after **{limit_words(run.suite.timeout)}**."
    return f"{stopped}{_tail(run)}\n\nRaise `timeout` for the suite if it really needs longer.{_here(run)}"


def _cancelled_summary(run: Run, _: Limits) -> str:
    return f"It was stopped: {escaped(run.note or 'cancelled')}."


def _superseded_summary(run: Run, _: Limits) -> str:
    return f"A newer commit was pushed: {escaped(run.note)}."


def _skipped_summary(run: Run, _: Limits) -> str:
    if run.is_startable:
        return (
            f"This suite runs when somebody with write access starts it, for example with "
            f"{code(f'/assay run {run.suite.name}')} in a comment. Until then it holds nothing up."
        )
    if run.is_unstarted:
        return f"This suite {escaped(run.note)}. It runs when that one has passed; until then it holds nothing up."
    return f"This suite was not run: {escaped(run.note)}."


def run_line(suite: Suite) -> str:
    """The command that runs just this cell and shard on one's own machine."""
    axes = (word for axis, text in suite.cell for word in ("--set", f"{axis}={text}"))
    shard = ("--shard", str(suite.shard)) if suite.shards > 1 else ()
    return shlex.join(("assay", "run", suite.name, *axes, *shard))


def _here(run: Run) -> str:
    return f"\n\nTo run it on your machine: {code(run_line(run.suite))}"


def _tail(run: Run) -> str:
    return f"\n\n{fence(run.tail)}" if run.tail else ""


def _advice(run: Run, limits: Limits) -> str:
    """Which limit it was, and where it is raised."""
    if words := limit_advice(run, limits):
        return f"\n\n{words}"
    return "\n\nThe last lines of its output:" if run.tail else ""


def _errored_summary(run: Run, _: Limits) -> str:
    tried = f" Tried {run.attempt} times." if run.attempt > 1 else ""
    if run.reason is Reason.IMAGE_MISSING:
        advice = f"check `image` of the suite in the suite file (line {run.suite.line}) or ask the operator."
    elif run.reason is Reason.QUOTA:
        advice = "run it again when some of them have ended, or ask the operator for a larger quota."
    elif run.reason is Reason.SOURCE:
        advice = "push again, or ask the operator."
    else:
        advice = "nothing; this is a fault of the CI server, not of the change. Its operator can see it in the log."
    happened = f"**What happened:** {escaped(run.note)}.{tried}\n**What to do:** {advice}"
    return f"The tests did not start, so this says nothing about the change.\n\n{happened}"


_SUMMARIES: Final[dict[RunState, _Words]] = {
    RunState.PASSED: _passed_summary,
    RunState.FAILED: _failed_summary,
    RunState.TIMED_OUT: _timed_out_summary,
    RunState.ERRORED: _errored_summary,
    RunState.CANCELLED: _cancelled_summary,
    RunState.REJECTED: _cancelled_summary,
    RunState.SUPERSEDED: _superseded_summary,
    RunState.SKIPPED: _skipped_summary,
}


def _how_it_ran(run: Run, build: Build) -> str:
    waited = duration(between(run.created_at, run.started_at))
    onto = f" merged onto {code(build.base_ref)} at {code(build.merge.base[:7])}" if build.merge else ""
    where = f"{code(build.ref)} at {code(run.sha[:7])}{onto}"
    who = "" if run.trust is Trust.TRUSTED else " · by somebody without write access: no secrets"
    return f"{where} · image {code(run.suite.image)} · waited {waited} · attempt {run.attempt}{who}"


def _command(run: Run) -> str:
    """The command's words for a title; a script of several lines is just that."""
    lines = [line for line in run.last_command.strip().split("\n") if line.strip()]
    if len(lines) > 1 and not run.suite.is_script:
        return f"{one_line(lines[0], 58)} …"
    return one_line(lines[0], 60) if len(lines) == 1 else "The script"


def _took(run: Run) -> float:
    return between(run.started_at, run.finished_at)

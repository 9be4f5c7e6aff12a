"""What the end of a container means for its run (RELIABILITY §6.3)."""

from dataclasses import dataclass, replace
from typing import Final

from bot.domain.errors import ImageMissing, Refused, SandboxUnavailable, SourceRefused, SourceUnavailable, Unavailable
from bot.domain.results import Results
from bot.domain.runs import RETRIED, Reason, Run, RunState
from bot.domain.tests_words import failed_words, passed_words
from bot.domain.texts import one_line
from bot.ports.sandbox import Exit, Stop

_SIGSYS: Final = 128 + 31
_SIGXFSZ: Final = 128 + 25


@dataclass(frozen=True, slots=True)
class Verdict:
    """`state` None: the attempt says nothing (a fault of ours); the run goes back to the queue."""

    state: RunState | None
    reason: Reason | None = None
    note: str = ""
    results: Results | None = None
    """Of its tests, if it promised reports."""


def of_exit(end: Exit) -> Verdict:
    """Our own reason for ending it beats the exit code; out of memory is the engine's word, never a guess (C38).

    137 or 143 alone mean nothing: a script may exit with them. Only a container that ended before its script could
    say so was killed from outside.
    """
    if end.stopped is not None:
        return _STOPPED[end.stopped]
    if end.service or end.code is None:
        reason = Reason.SERVICE if end.service else Reason.COMMAND_NOT_RUNNABLE
        return Verdict(RunState.FAILED, reason, one_line(end.error, 200))
    if end.code == 0:
        return Verdict(RunState.PASSED)
    if end.out_of_memory:
        return Verdict(RunState.FAILED, Reason.OUT_OF_MEMORY)
    if not end.by_itself:
        return Verdict(None, Reason.KILLED_EXTERNALLY, "something outside of Assay killed the container")
    usual = Reason.PIDS_LIMIT if end.out_of_processes else Reason.COMMAND
    special = {_SIGSYS: Reason.BLOCKED_SYSTEM_CALL, _SIGXFSZ: Reason.FILE_SIZE_LIMIT}
    return Verdict(RunState.FAILED, special.get(end.code, usual))


def with_results(verdict: Verdict, results: Results, *, optional: bool) -> Verdict:
    """Never green by absence: a promised report that is missing fails what exited with 0 (BEHAVIOUR §5).

    Failed tests fail the suite, also when its command let them pass; quarantined ones alone do not.
    """
    failures = results.failed - results.quarantined
    is_lacking = bool(results.faults) and not optional
    match verdict.state, verdict.reason:
        case (RunState.PASSED, _) | (RunState.FAILED, Reason.COMMAND) if failures:
            return Verdict(RunState.FAILED, Reason.TESTS, failed_words(results), results)
        case RunState.PASSED, _ if is_lacking:
            return Verdict(RunState.FAILED, Reason.REPORT, results.faults[0], results)
        case RunState.FAILED, Reason.COMMAND if results.quarantined and not results.faults:
            return Verdict(RunState.PASSED, None, passed_words(results), results)
        case RunState.PASSED, _:
            return replace(verdict, note=passed_words(results), results=results)
        case _:
            return replace(verdict, results=results)


def of_error(error: Refused | Unavailable, worker: str = "") -> Verdict:
    """Of what kept the container from starting or from being watched, on that worker."""
    note = one_line(str(error), 300)
    match error:
        case ImageMissing():
            return Verdict(RunState.ERRORED, Reason.IMAGE_MISSING, note)
        case SourceRefused():
            return Verdict(RunState.ERRORED, Reason.SOURCE, note)
        case Refused():
            return Verdict(RunState.ERRORED, Reason.INTERNAL, note)
        case SandboxUnavailable():
            whose = f"engine of worker {worker}: " if worker else ""
            return Verdict(None, Reason.SANDBOX, one_line(f"{whose}{error}", 300))
        case SourceUnavailable():
            return Verdict(None, Reason.SOURCE, note)
        case _:
            return Verdict(None, Reason.FORGE, note)


def is_tried_again(run: Run, verdict: Verdict) -> bool:
    """Has the suite a retry left, and is the failure one of those that a retry is for?"""
    return verdict.state is RunState.FAILED and verdict.reason in RETRIED and run.failures < run.suite.retries


def why_again(verdict: Verdict, exit_code: int | None) -> str:
    """What the next attempt says of the one before."""
    if verdict.reason is Reason.OUT_OF_MEMORY:
        return "the last attempt ran out of memory"
    if verdict.reason is Reason.TESTS:
        return f"in the last attempt {verdict.note}"
    return f"the last attempt exited with {exit_code}" if verdict.reason is Reason.COMMAND else verdict.note


_STOPPED: Final = {
    Stop.TIMEOUT: Verdict(RunState.TIMED_OUT, Reason.TIMEOUT),
    Stop.NO_OUTPUT: Verdict(RunState.TIMED_OUT, Reason.NO_OUTPUT),
    Stop.CANCELLED: Verdict(RunState.CANCELLED),
    Stop.LOG_LIMIT: Verdict(RunState.FAILED, Reason.LOG_LIMIT),
    Stop.DISK_LIMIT: Verdict(RunState.FAILED, Reason.DISK_LIMIT),
    Stop.LEASE_LOST: Verdict(None, Reason.WORKER_LOST, "the worker lost its hold on the run"),
    Stop.SHUTDOWN: Verdict(None, Reason.WORKER_LOST, "the worker was shut down"),
}

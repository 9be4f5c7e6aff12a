"""Which limit a run has met, and where it is raised."""

from collections.abc import Callable
from typing import Final

from bot.domain.runs import Reason, Run
from bot.domain.suites import Limits
from bot.domain.texts import limit_words, size


def limit_advice(run: Run, limits: Limits) -> str:
    """Nothing when it was not a limit that ended it."""
    found = _ADVICE.get(run.reason) if run.reason is not None else None
    return found(run, limits) if found else ""


def _raise(key: str) -> str:
    most = f"at most to the server's `ASSAY_{key.upper()}_MAX`"
    return f"Raise it with `{key}` of the suite's environment, {most}."


_ADVICE: Final[dict[Reason, Callable[[Run, Limits], str]]] = {
    Reason.OUT_OF_MEMORY: lambda _, limits: (
        f"The limit is {size(limits.memory)} for all processes of the suite together. {_raise('memory')}"
    ),
    Reason.DISK_LIMIT: lambda _, limits: (
        f"The limit is {size(limits.disk)} for the checkout and HOME together. {_raise('disk')}"
    ),
    Reason.FILE_SIZE_LIMIT: lambda _, limits: f"One file may have {size(limits.file)}. {_raise('disk')}",
    Reason.PIDS_LIMIT: lambda _, limits: (
        f"The limit is {limits.pids} processes and threads at once; the operator can raise it with `ASSAY_PIDS_MAX`."
    ),
    Reason.LOG_LIMIT: lambda _, limits: (
        f"The log ends where the limit of {size(limits.log)} was reached; the operator can raise it with "
        "`ASSAY_LOG_LIMIT`. Better write less, or to a file."
    ),
    Reason.TIMEOUT: lambda run, _: (
        f"It may take {limit_words(run.suite.timeout)}. Raise it with `timeout` of the suite, at most to the "
        "server's `ASSAY_TIMEOUT_MAX`."
    ),
    Reason.NO_OUTPUT: lambda run, _: (
        f"It may be silent for {limit_words(run.suite.no_output_timeout or 0)}. Raise it with `no_output_timeout` "
        "of the suite."
    ),
    Reason.BLOCKED_SYSTEM_CALL: lambda _run, _limits: (
        "The process was killed by the sandbox for a system call that suites may not use."
    ),
}

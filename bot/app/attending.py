"""What services printed: kept beside the artifacts of the run that they stood by, also when one of them died."""

from collections.abc import Callable, Iterator
from io import BytesIO
from typing import Final

from bot.app import collecting
from bot.app.collecting import Budget, Collector
from bot.domain.runs import Run
from bot.domain.suites import Artifacts
from bot.ports.artifacts import ArtifactKind
from bot.ports.sandbox import SERVICE_LOG, Found, Job, Sandbox

Hide = Callable[[bytes], bytes]
"""Whole output → the same with secrets masked."""
_KEEP: Final = Artifacts(paths=()).keep


def last_words(sandbox: Sandbox, job: Job, hide: Hide) -> Iterator[tuple[str, bytes]]:
    """Of each service of the attempt that printed anything: its name, and the end of its output."""
    for service in job.services:
        if printed := sandbox.service_log(job.run, job.attempt, service.name):
            if len(printed) >= SERVICE_LOG:
                # It may begin within a secret, which nothing would recognise.
                printed = printed.partition(b"\n")[2]
            yield service.name, hide(printed)


def keep_words(
    app: Collector, sandbox: Sandbox, run: Run, job: Job, hide: Hide, should_stop: Callable[[], bool]
) -> None:
    """For as long as the suite's artifacts; what can't be kept is listed with its reason and costs no verdict."""
    if not job.services:
        return
    words = last_words(sandbox, job, hide)
    collecting.collect(
        app,
        run,
        (Found(f"service:{name}.log", len(printed), BytesIO(printed)) for name, printed in words),
        keep=run.suite.artifacts.keep if run.suite.artifacts else _KEEP,
        budget=Budget(count=len(job.services)),
        kind=ArtifactKind.SERVICE_LOG,
        should_stop=should_stop,
    )

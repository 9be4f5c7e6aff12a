"""Workers tell the store that they are there and what they can take, and learn whether they shall take no more."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Final

import structlog

from bot.app import announcing, quotas
from bot.app.context import App
from bot.domain.errors import Gone
from bot.domain.runs import BuildId, Run, RunState, Trust
from bot.domain.workers import Needs, Worker, at_most, needs_of, why_none
from bot.ports.store import UnitOfWork

log = structlog.get_logger()

_MANY: Final = 1000


def announce(app: App) -> Worker | None:
    """For as long as a lease; None: this process takes no runs now. Raises: SandboxUnavailable."""
    offer = app.offer
    if offer is None or not offer.slots or app.sandbox.ready() is not None:
        return None
    machine = app.sandbox.machine()
    worker = Worker(
        process=app.process,
        name=offer.name,
        labels=offer.labels,
        slots=offer.slots,
        cpus=offer.cpus or machine.cpus,
        memory=offer.memory or machine.memory,
    )
    with app.work() as work:
        return work.workers.announce(worker, app.rules.lease)


def leave(app: App) -> None:
    with app.work() as work:
        work.workers.leave(app.process)


def held(app: App, worker: Worker) -> Sequence[Run]:
    """What it runs now."""
    with app.work() as work:
        return work.runs.held(f"{worker.process}:")


def drain(app: App, name: str, *, draining: bool, actor: str) -> Sequence[Worker]:
    """Let the workers of that name, place or process take no more runs, or take runs again. Raises: Gone."""
    with app.work() as work:
        found = work.workers.drain(name, draining=draining)
        for worker in found:
            action = "drain" if draining else "undrain"
            work.audit.add(repository=None, actor=actor, action=action, subject=worker.name, detail=worker.process)
    if not found:
        raise Gone(f"there is no worker {name}")
    return found


def with_waits(app: App, work: UnitOfWork, runs: Iterable[Run]) -> list[Run]:
    """The same runs, as people shall see them: those that no worker will take, or a quota holds, say why."""
    known: list[Worker] | None = None
    held: dict[tuple[BuildId, Trust], str] = {}
    """By what quotas look at, which is the same for all cells of a build."""
    shown = []
    for run in runs:
        if run.state is not RunState.QUEUED or run.blocked:
            shown.append(run)
            continue
        known = list(work.workers.every()) if known is None else known
        needs = at_most(needs_of(run.suite), app.rules.ceiling)
        if (whose := (run.build, run.trust)) not in held:
            held[whose] = quotas.hindrance(work, run, app.rules)
        shown.append(replace(run, waits=_pause(work, run) or why_none(needs, known) or held[whose]))
    return shown


def _pause(work: UnitOfWork, run: Run) -> str:
    """What the attempt before met, and when the next one can begin."""
    if not run.attempt or run.free_at is None or run.free_at.timestamp() <= work.clock():
        return ""
    return f"next attempt at {run.free_at:%H:%M:%S} UTC: {run.note}"


def tell_waits(app: App) -> int:
    """What no worker will take says so on its check; how many these are."""
    with app.work() as work:
        waiting = with_waits(app, work, (work.runs.get(one) for one in work.runs.queued(_MANY)))
        stranded = [run for run in waiting if run.waits]
        for run in stranded:
            announcing.run_changed(work, run)
    return len(stranded)


def others(work: UnitOfWork, app: App, needs: Needs) -> bool:
    """Is there another worker that such a run can go to?"""
    return any(
        one.is_live and not one.draining and one.process != app.process and one.suits(needs)
        for one in work.workers.every()
    )

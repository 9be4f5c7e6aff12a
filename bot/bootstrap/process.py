"""A running process: what it starts and stops, and in which order."""

import enum
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

import sqlalchemy as sa
import structlog
from starlette.types import ASGIApp

from bot.app import dispatch, examining, presence, reclaiming, resuming, upkeep
from bot.app.context import App
from bot.domain.errors import BotError
from bot.domain.runs import Run
from bot.ports.queue import ExecuteRun, HandleDelivery, SendNotice, SendReport, Task, WorkQueue
from bot.settings import Settings

log = structlog.get_logger()

_LAST_REPORTS: Final = 10.0
"""Seconds that a stopping process gives its last reports."""


_RELOAD: Final = 2.0
"""Seconds after which a forge that was set up elsewhere is known here."""


class Role(enum.Enum):
    """What a process is for; upkeep is every process's."""

    ALL = enum.auto()
    WEB = enum.auto()
    """Pages, webhooks and the forge, without an engine."""
    WORKER = enum.auto()
    """Runs, beside an engine, and the forge; nobody calls it."""


@dataclass(frozen=True, slots=True)
class Bot:
    """What a process holds: the use cases' context, and what it must start and stop."""

    app: App
    settings: Settings
    engine: sa.Engine
    queue: WorkQueue
    role: Role
    asgi: ASGIApp
    """Of a worker: only what those ask who watch it."""
    reload_forges: Callable[[], None]
    """Those that another process set up become known here."""
    give_way: Callable[[], None]
    """Waits a little while a forge waits for the answer to a webhook."""
    hindrance: str = ""
    """Why it must not serve with these settings on this machine."""
    shutdown: threading.Event = field(default_factory=threading.Event)
    """Running containers are left to the next process; set when the time to drain is over."""
    _closing: threading.Event = field(default_factory=threading.Event)
    _resumed: list[threading.Thread] = field(default_factory=list)

    def start(self) -> None:
        """Take up work: hints from now on, and whatever the store still holds."""
        duties = dict(upkeep.DUTIES)
        if self.role is not Role.WEB:
            duties |= upkeep.ENGINE_DUTIES
            self._take_over()
            self._warn_of_open_network()
            threading.Thread(target=self._be_there, name="presence", daemon=True).start()
        for thread in self._resumed:
            thread.start()
        self.queue.start(self.perform)
        threading.Thread(target=self._reload, name="forges", daemon=True).start()
        for name, duty in duties.items():
            threading.Thread(target=self._keep, args=(name, duty), name=f"upkeep-{name}", daemon=True).start()

    def _take_over(self) -> None:
        """Runs of the process before this one: containers that it left are read on."""
        try:
            for run in reclaiming.take_over(self.app):
                self._resumed.append(
                    threading.Thread(target=self._resume, args=(run,), name=f"resume-{run.id}", daemon=True)
                )
        except BotError as error:  # then the reaper does it when their leases end
            log.warning("start.nothing_taken_over", error=str(error))

    def _warn_of_open_network(self) -> None:
        if words := examining.open_network(self.app):
            log.warning("start.open_network", reason=words, help=examining.OPEN_NETWORK_HELP)

    def _be_there(self) -> None:
        """Tell that this worker is there, and learn whether it shall take no more."""
        was_drained = False
        while True:
            try:
                worker = presence.announce(self.app)
            except BotError as error:
                log.warning("worker.not_announced", error=str(error))
            else:
                is_drained = worker is not None and worker.draining
                if worker and is_drained and not was_drained:
                    log.info("worker.draining", name=worker.name, runs=len(presence.held(self.app, worker)))
                was_drained = is_drained
            if self._closing.wait(self.settings.lease / 4):
                return

    def _resume(self, run: Run) -> None:
        try:
            resuming.resume(self.app, run, self.shutdown)
        except BotError as error:  # the reaper gives it back when its lease ends
            log.warning("run.not_resumed", run=run.id, error=str(error))
        except Exception:  # a thread's end, and the same holds
            log.exception("run.not_resumed", run=run.id)

    def _all_ended(self, within: float) -> bool:
        """Runs of the queue's hints and those that were resumed."""
        ends = time.monotonic() + within
        from_queue = self.queue.stop(ExecuteRun, within)
        for thread in self._resumed:
            thread.join(max(0.0, ends - time.monotonic()))
        return from_queue and not any(thread.is_alive() for thread in self._resumed)

    def perform(self, task: Task) -> None:
        if isinstance(task, HandleDelivery):
            # It was answered; who still waits comes first, for all of us share one interpreter.
            self.give_way()
        dispatch.perform(self.app, task, self.shutdown)

    def stop(self) -> None:
        """Finish what runs within the time to drain, give the rest back, send the last reports."""
        self._closing.set()
        self._leave()
        if not self._all_ended(self.settings.drain):
            self.shutdown.set()
            self._all_ended(60.0)
        self.queue.stop(HandleDelivery, 30.0)
        ends = time.monotonic() + _LAST_REPORTS
        while self._unsent() and time.monotonic() < ends:
            time.sleep(0.05)
        self.queue.stop(SendReport, 5.0)
        self.queue.stop(SendNotice, 5.0)
        self.app.traces.close()
        self.engine.dispose()

    def _leave(self) -> None:
        """It takes no more runs, so others need not count on it."""
        try:
            presence.leave(self.app)
        except BotError as error:  # then it is missed when it has said nothing for a lease
            log.warning("worker.not_signed_off", error=str(error))

    def _reload(self) -> None:
        while not self._closing.wait(_RELOAD):
            self.reload_forges()

    def _keep(self, name: str, duty: upkeep.Duty) -> None:
        upkeep.take_turn(self.app, name, duty, first=True)
        while not self._closing.wait(upkeep.pause(self.app, duty)):
            upkeep.take_turn(self.app, name, duty)

    def _unsent(self) -> bool:
        with self.app.work() as work:
            return bool(work.reports.due(1))

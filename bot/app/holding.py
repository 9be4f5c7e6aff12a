"""A worker's hold on a run: renews the lease and learns when to stop (RELIABILITY §6.4)."""

import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from types import TracebackType
from typing import Final, Self, TypeVar

import structlog

from bot.app.context import App
from bot.domain.errors import StoreBusy
from bot.domain.runs import Run
from bot.ports.sandbox import Stop
from bot.ports.store import UnitOfWork

log = structlog.get_logger()

Result = TypeVar("Result")

_PATIENCE: Final = 0.5
"""Seconds between two tries of the store."""
_LOOK: Final = 0.5
"""Seconds between two looks for a wish to cancel; it has to reach a container within two seconds."""


class Hold:
    """Used as a context; its thread lives as long. `should_stop` is what the sandbox asks several times a second."""

    def __init__(self, app: App, run: Run, shutdown: threading.Event) -> None:
        self._app = app
        self._shutdown = shutdown
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._keep, name=f"hold-{run.id}", daemon=True)
        self._renewed_at = app.monotonic()
        self._deadline: float | None = None
        self._silence: float | None = None
        self._heard_at = self._renewed_at
        self._log_limit_hit = False
        self._lost = False
        self.run = run
        """As last read: `cancel` and `cancel_note` say who wants it to end."""
        self.ours = run
        """As we stored it last, from where its next move starts."""
        self.is_left = False
        """Its container goes on without us, for the worker that comes after this one."""

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._ended.set()
        self._thread.join()

    def confirm(self) -> bool:
        """Renew now; the first renewal must succeed before a container is started."""
        self._renew()
        return not self._lost

    def set_deadline(self, seconds: float, silence: float | None = None) -> None:
        """From now on the suite may take so long, and be silent for so long."""
        self._deadline, self._silence = self._app.monotonic() + seconds, silence
        self.hear()

    def hear(self) -> None:
        """The suite printed something."""
        self._heard_at = self._app.monotonic()

    def stop_for_log(self) -> None:
        self._log_limit_hit = True

    def lose(self) -> None:
        """Somebody else has the run: nothing of ours may be written any more."""
        self._lost = True

    def insist(self, do: Callable[[], Result]) -> Result:
        """Do what is safe to repeat until the store takes it: a run outlives a store that is away for a while.

        Raises: StoreBusy: it was away for longer than the hold lasts.
        """
        while True:
            try:
                return do()
            except StoreBusy as error:
                if self.should_stop() in (Stop.LEASE_LOST, Stop.SHUTDOWN):
                    raise
                log.warning("store.away", run=self.run.id, error=str(error))
                self._app.sleep(_PATIENCE)

    @contextmanager
    def work(self) -> Iterator[UnitOfWork]:
        """Units of work of whoever acts under this hold: their beginning is insisted on."""
        with ExitStack() as stack:
            yield self.insist(lambda: stack.enter_context(self._app.work()))

    def should_stop(self) -> Stop | None:
        now = self._app.monotonic()
        reasons = (
            (self._lost or now - self._renewed_at > 0.75 * self._app.rules.lease, Stop.LEASE_LOST),
            (self.run.cancel is not None, Stop.CANCELLED),
            (self._log_limit_hit, Stop.LOG_LIMIT),
            (self._deadline is not None and now > self._deadline, Stop.TIMEOUT),
            (self._silence is not None and now - self._heard_at > self._silence, Stop.NO_OUTPUT),
            (self._shutdown.is_set(), Stop.SHUTDOWN),
        )
        return next((stop for holds, stop in reasons if holds), None)

    def _keep(self) -> None:
        lease = self._app.rules.lease
        while not self._ended.wait(min(_LOOK, lease / 8)):
            if self._app.monotonic() - self._renewed_at > lease / 4:
                self._renew()
            else:
                self._look()

    def _renew(self) -> None:
        asked_at = self._app.monotonic()
        try:
            with self._app.work() as work:
                run = work.runs.renew(self.run.id, self.run.fence, self._app.rules.lease)
        except StoreBusy as error:
            log.warning("lease.not_renewed", run=self.run.id, error=str(error))
            return
        if run is None:
            self._lost = True
            return
        self._renewed_at, self.run = asked_at, run

    def _look(self) -> None:
        try:
            with self._app.work() as work:
                run = work.runs.get(self.run.id)
        except StoreBusy:
            return
        if run.fence == self.run.fence:
            self.run = run
        else:
            self._lost = True

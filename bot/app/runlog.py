"""Writing a run's log: in batches, under the fence, to the limit."""

from collections.abc import Iterable
from typing import Final

from bot.app.context import App
from bot.app.holding import Hold
from bot.domain.masking import Masker
from bot.domain.runs import Run
from bot.domain.texts import size

_BATCH: Final = 1 << 20
"""Bytes that are written at once where much comes: each transaction has its price."""
_PAUSE: Final = 0.2
"""Seconds that output waits at most before a reader can see it."""


class RunLog:
    def __init__(self, app: App, run: Run, hold: Hold) -> None:
        self._app, self._run, self._hold = app, run, hold
        self._waiting = bytearray()
        self._masker = Masker(())
        self._flushed_at = 0.0
        # One log holds all attempts; one that fails by itself takes no room from the next.
        self._room = max(app.limits_of(run.suite).log * (run.failures + 1) - app.logs.size(run.id), 0)
        self._is_full = False

    def mask(self, values: Iterable[str]) -> None:
        """From now on these never show; called before the first output."""
        self._masker = Masker(values)

    def note(self, words: str) -> None:
        """A line of our own, on a line of its own."""
        self._put(self._masker.flush())
        self._put(self._masker.feed(f"\n[assay] {words}\n".encode()) + self._masker.flush())

    def end(self) -> None:
        """Nothing follows: what may have been the start of a secret is none."""
        self._put(self._masker.flush())
        self.flush()

    def write(self, data: bytes) -> None:
        """Output of the suite, exactly as it comes; cut at the limit, with a last line that says so (cases C37)."""
        if self._is_full:
            return
        self._hold.hear()
        data = self._masker.feed(data)
        self._put(data[: self._room])
        self._room -= len(data)
        if self._room < 0:
            self._is_full = True
            limit = size(self._app.limits_of(self._run.suite).log)
            self.note(f"The log reached its limit of {limit}; the suite was stopped and the rest is not kept.")
            self.flush()
            self._hold.stop_for_log()

    def tick(self) -> None:
        """Called often; lets waiting output out when its time has come."""
        if self._waiting and self._app.monotonic() - self._flushed_at > _PAUSE:
            self.flush()

    def flush(self) -> None:
        self._flushed_at = self._app.monotonic()
        if self._waiting:
            data, self._waiting = bytes(self._waiting), bytearray()
            if not self._app.logs.append(self._run.id, self._run.fence, data):
                self._hold.lose()

    def _put(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) >= _BATCH or self._app.monotonic() - self._flushed_at > _PAUSE:
            self.flush()

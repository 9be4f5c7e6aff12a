"""Writing a run's log: in batches, under the fence, to the limit."""

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from bot.app import announcing
from bot.app.context import App
from bot.app.grouping import Marks
from bot.app.holding import Hold
from bot.app.output import Output
from bot.app.results.counting import Counting
from bot.domain.errors import StoreBusy
from bot.domain.masking import Masker
from bot.domain.runs import Group, Progress, Run

_BATCH: Final = 1 << 20
"""Bytes that are written at once where much comes: each transaction has its price."""
_MOST: Final = 8 << 20
"""Bytes that wait for a store that is away."""
_PAUSE: Final = 0.2
"""Seconds that output waits at most before a reader can see it."""
_SHOWN_LIVE: Final = 200
"""Groups that are stored while the run runs; more are stored at its end alone, for each time all are written."""


class RunLog:
    def __init__(self, app: App, run: Run, hold: Hold, *, age: float | None = None) -> None:
        """`age`: seconds since the script was started, whose output comes again from its first byte on.

        What of that is in the log already is not written again: the same bytes become the same log.
        """
        self._app, self._run, self._hold = app, run, hold
        self._stored = self._length = app.logs.size(run.id)
        """Bytes that are in the store as far as we know, and with those that wait."""
        begin = self._length if age is None or run.output_at is None else run.output_at
        self._again = self._length - begin
        self._known = {} if age is None else {one.number: one for one in run.groups if one.seconds is not None}
        self._late = 0.0 if age is None else max(0.0, age - sum(one.seconds or 0 for one in self._known.values()))
        self._waiting = bytearray()
        self._masker = Masker(())
        self._kept: tuple[Group, ...] = ()
        self._tests = Counting()
        self._told: Progress | None = None
        self._told_at = app.monotonic()
        self._flushed_at = 0.0
        self._is_unsure = False
        """The store was lost while it took some: they may be there."""
        # One log holds all attempts; one that fails by itself takes no room from the next.
        limit = app.limits_of(run.suite).log
        room = limit * (run.failures + 1) - begin
        self._output = Output(self._put, app.monotonic, limit=limit, room=room, length=begin)

    @property
    def groups(self) -> tuple[Group, ...]:
        """Times of groups that were over before are as they were; the next began before we looked."""
        found, late = [], self._late
        for one in self._output.groups:
            if one.number in self._known:
                found.append(self._known[one.number])
            elif one.seconds is not None and late:
                found.append(replace(one, seconds=round(one.seconds + late, 3)))
                late = 0.0
            else:
                found.append(one)
        return tuple(found)

    def expect(self, secrets: Iterable[str], marks: Marks | None) -> None:
        """From now on these never show; called before the first output."""
        values = tuple(secrets)
        self._masker = Masker(values)
        self._output.expect(values, marks)

    def masked(self, text: str) -> str:
        """The same for what is shown elsewhere."""
        line = f"{text}\n".encode(errors="replace")
        shown = self.hidden(line)
        return text if shown == line else shown.decode(errors="replace").removesuffix("\n")

    def hidden(self, data: bytes) -> bytes:
        return self._masker.feed(data) + self._masker.flush()

    def note(self, words: str) -> None:
        """A line of our own, on a line of its own."""
        self._output.note(words)

    def end(self, code: int | None = None) -> None:
        """Nothing of the suite follows; `code`: how its script exited."""
        self._output.end(code)
        self._hold.insist(self._store)

    def settle(self) -> int:
        """All that was written is stored; how many bytes the log has by now."""
        self._hold.insist(self._store)
        return self._length

    def write(self, data: bytes) -> None:
        """Output of the suite; when it reaches the log's limit, the suite shall stop."""
        self._hold.hear()
        if not self._output.write(data):
            self.flush()
            self._hold.stop_for_log()

    def tick(self) -> None:
        """Called often; lets waiting output out when its time has come."""
        if self._waiting and self._app.monotonic() - self._flushed_at > _PAUSE:
            self.flush()

    def flush(self) -> None:
        """What the store does not take now waits for the next time; of much, the suite waits too."""
        if len(self._waiting) >= _MOST:
            self._hold.insist(self._store)
        else:
            with suppress(StoreBusy):
                self._store()

    def _store(self) -> None:
        """Groups first: whoever reads on knows where the lines belong."""
        self._flushed_at = self._app.monotonic()
        if self._is_unsure:
            arrived = self._app.logs.size(self._run.id) - self._stored
            self._stored += arrived
            del self._waiting[:arrived]
            self._is_unsure = False
        if not self._waiting:
            return
        data = bytes(self._waiting)
        self._is_unsure = True
        if not (self._keep_groups() and self._app.logs.append(self._run.id, self._run.fence, data)):
            self._hold.lose()
        self._is_unsure = False
        self._stored += len(data)
        self._waiting.clear()
        self._tell_progress()

    def _keep_groups(self) -> bool:
        groups = self.groups
        if groups == self._kept or len(groups) > _SHOWN_LIVE:
            return True
        with self._app.work() as work:
            is_ours = work.runs.keep_groups(self._run.id, self._run.fence, groups)
        self._kept = groups
        return is_ours

    def _tell_progress(self) -> None:
        """A third of the time that its check waits, so that this one tells what is new."""
        progress, now = self._tests.progress, self._app.monotonic()
        if progress == self._told or progress is None or now - self._told_at < self._app.rules.count_pause / 3:
            return
        self._told, self._told_at = progress, now
        with self._app.work() as work:
            if work.runs.keep_progress(self._run.id, self._run.fence, progress):
                announcing.progressed(work, self._run, self._app.rules.count_pause)

    def _put(self, data: bytes) -> None:
        self._tests.feed(data)
        known = min(len(data), self._again)
        self._again -= known
        self._waiting += data[known:]
        self._length += len(data) - known
        if len(self._waiting) >= _BATCH or self._app.monotonic() - self._flushed_at > _PAUSE:
            self.flush()

"""Writing a run's log: in batches, under the fence, to the limit."""

from collections.abc import Iterable
from typing import Final

from bot.app.context import App
from bot.app.grouping import Marks
from bot.app.holding import Hold
from bot.app.output import Output
from bot.domain.masking import Masker
from bot.domain.runs import Group, Run

_BATCH: Final = 1 << 20
"""Bytes that are written at once where much comes: each transaction has its price."""
_PAUSE: Final = 0.2
"""Seconds that output waits at most before a reader can see it."""
_SHOWN_LIVE: Final = 200
"""Groups that are stored while the run runs; more are stored at its end alone, for each time all are written."""


class RunLog:
    def __init__(self, app: App, run: Run, hold: Hold) -> None:
        self._app, self._run, self._hold = app, run, hold
        self._waiting = bytearray()
        self._masker = Masker(())
        self._flushed_at = 0.0
        self._kept: tuple[Group, ...] = ()
        # One log holds all attempts; one that fails by itself takes no room from the next.
        limit = app.limits_of(run.suite).log
        room = limit * (run.failures + 1) - app.logs.size(run.id)
        self._output = Output(self._put, app.monotonic, limit=limit, room=room, length=app.logs.size(run.id))

    @property
    def groups(self) -> tuple[Group, ...]:
        return self._output.groups

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
        self.flush()

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
        """Groups first: whoever reads on knows where the lines belong."""
        self._flushed_at = self._app.monotonic()
        if not self._waiting:
            return
        data, self._waiting = bytes(self._waiting), bytearray()
        if not (self._keep_groups() and self._app.logs.append(self._run.id, self._run.fence, data)):
            self._hold.lose()

    def _keep_groups(self) -> bool:
        groups = self.groups
        if groups == self._kept or len(groups) > _SHOWN_LIVE:
            return True
        self._kept = groups
        with self._app.work() as work:
            return work.runs.keep_groups(self._run.id, self._run.fence, groups)

    def _put(self, data: bytes) -> None:
        self._waiting += data
        if len(self._waiting) >= _BATCH or self._app.monotonic() - self._flushed_at > _PAUSE:
            self.flush()

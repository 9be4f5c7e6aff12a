"""A store that is lost now and then: before it did what it was asked, or after it and without an answer."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from bot.app.context import App
from bot.domain.errors import StoreBusy
from bot.domain.runs import RunId
from bot.ports.logs import Logs
from bot.ports.store import UnitOfWork


@dataclass
class Away:
    """Fails the next `before` questions and loses the answers to the next `after`; of one thread, if it is named."""

    work: Callable[[], UnitOfWork]
    logs: Logs
    before: int = 0
    after: int = 0
    only: Callable[[], bool] = lambda: True
    """Whether now."""
    times: int = 0
    """How often it was lost."""

    def app(self, app: App) -> App:
        """The same with this store."""
        return replace(app, work=self._work, logs=self)  # type: ignore[arg-type]  # a context that is a unit of work

    @contextmanager
    def _work(self) -> Iterator[UnitOfWork]:
        self._lose("before")
        with self.work() as unit:
            yield unit
        self._lose("after")

    def _lose(self, when: str) -> None:
        """Not for the thread that renews the lease: it has a patience of its own."""
        if getattr(self, when) and self.only() and not threading.current_thread().name.startswith("hold-"):
            setattr(self, when, getattr(self, when) - 1)
            self.times += 1
            raise StoreBusy("the store is away")

    def append(self, run: RunId, fence: int, data: bytes) -> bool:
        self._lose("before")
        is_ours = self.logs.append(run, fence, data)
        self._lose("after")
        return is_ours

    def __getattr__(self, name: str) -> object:
        return getattr(self.logs, name)

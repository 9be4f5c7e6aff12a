"""Hints within this process: one lane of threads for each kind of task."""

import heapq
import itertools
import threading
import time
from collections.abc import Callable, Mapping, Sequence

import structlog

from bot.domain.findings import Finding
from bot.ports.queue import Perform, Task

log = structlog.get_logger()


class LocalQueue:
    """Hints of one kind wait in one lane, by due time; a hint that waits already is not added again."""

    def __init__(self, lanes: Mapping[type[Task], int], *, clock: Callable[[], float] = time.monotonic) -> None:
        """`lanes`: how many threads work on each kind of task; a kind without a lane is dropped."""
        self._lanes = {kind: _Lane(kind.__name__, threads, clock) for kind, threads in lanes.items() if threads}

    def send(self, task: Task, *, delay: float = 0) -> None:
        lane = self._lanes.get(type(task))
        if lane is not None:
            lane.send(task, delay)

    def start(self, perform: Perform) -> None:
        for lane in self._lanes.values():
            lane.start(perform)

    def stop(self, kind: type[Task], timeout: float) -> bool:
        """Take no more of that kind and wait for what is being done; False if it is still going on then."""
        lane = self._lanes.get(kind)
        return lane is None or lane.stop(timeout)

    def trouble(self) -> str | None:
        return None

    def advice(self) -> Sequence[Finding]:
        return ()


class _Lane:
    def __init__(self, name: str, threads: int, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._heap: list[tuple[float, int, Task]] = []
        self._due: dict[Task, float] = {}
        self._order = itertools.count()
        self._changed = threading.Condition()
        self._stopped = False
        self._threads = [
            threading.Thread(target=self._work, name=f"{name}-{number}", daemon=True) for number in range(threads)
        ]
        self._perform: Perform = lambda _: None

    def send(self, task: Task, delay: float) -> None:
        due = self._clock() + delay
        with self._changed:
            if self._due.get(task, float("inf")) <= due:
                return
            self._due[task] = due
            heapq.heappush(self._heap, (due, next(self._order), task))
            self._changed.notify()

    def start(self, perform: Perform) -> None:
        self._perform = perform
        for thread in self._threads:
            thread.start()

    def stop(self, timeout: float) -> bool:
        with self._changed:
            self._stopped = True
            self._changed.notify_all()
        ends = time.monotonic() + timeout
        for thread in self._threads:
            if thread.is_alive():
                thread.join(max(0.0, ends - time.monotonic()))
        return not any(thread.is_alive() for thread in self._threads)

    def _work(self) -> None:
        while (task := self._next()) is not None:
            try:
                self._perform(task)
            except Exception as error:  # the lane's end of the line: the store keeps the work, the sweep sends a hint
                log.exception("task.failed", task=type(task).__name__, error=type(error).__name__)

    def _next(self) -> Task | None:
        """The next task whose time has come; None when the lane was stopped."""
        with self._changed:
            while not self._stopped:
                now = self._clock()
                if self._heap and self._heap[0][0] <= now:
                    due, _, task = heapq.heappop(self._heap)
                    if self._due.get(task) == due:
                        del self._due[task]
                        return task
                    continue
                self._changed.wait(self._heap[0][0] - now if self._heap else None)
            return None

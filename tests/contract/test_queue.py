"""What every task queue promises: hints arrive, late ones later, a failing one stops nobody."""

import threading
from collections.abc import Callable, Iterator
from typing import Final

import pytest

from bot.adapters.queue_local import LocalQueue
from bot.adapters.queue_redis import RedisQueue
from bot.domain.runs import RunId
from bot.ports.queue import ExecuteRun, HandleDelivery, SendReport, Task, TaskQueue, WorkQueue

_LONG = 10.0


class Seen:
    """Collects tasks and says when so many have come."""

    def __init__(self) -> None:
        self.tasks: list[Task] = []
        self._changed = threading.Condition()

    def __call__(self, task: Task) -> None:
        with self._changed:
            self.tasks.append(task)
            self._changed.notify_all()

    def wait(self, count: int) -> list[Task]:
        with self._changed:
            assert self._changed.wait_for(lambda: len(self.tasks) >= count, _LONG)
            return list(self.tasks)


Start = Callable[[Callable[[Task], None]], None]
LANES: Final[dict[type[Task], int]] = {HandleDelivery: 1, ExecuteRun: 2, SendReport: 1}


@pytest.fixture(params=["local", pytest.param("redis", marks=pytest.mark.redis)])
def queue_and_start(request: pytest.FixtureRequest) -> Iterator[tuple[TaskQueue, Start]]:
    queue: WorkQueue = (
        LocalQueue(LANES) if request.param == "local" else RedisQueue(request.getfixturevalue("redis_url"), LANES)
    )
    yield queue, queue.start
    for kind in LANES:
        queue.stop(kind, 0)
    for kind in LANES:
        queue.stop(kind, _LONG)


def test_hints_of_every_kind_arrive(queue_and_start: tuple[TaskQueue, Start]) -> None:
    queue, start = queue_and_start
    seen = Seen()
    start(seen)
    wanted: list[Task] = [HandleDelivery(1), ExecuteRun(RunId("r")), SendReport(3)]
    queue.send(wanted[0])
    queue.send(wanted[1])
    queue.send(wanted[2])
    assert set(seen.wait(3)) == set(wanted)


def test_a_hint_arrives_with_the_trace_in_which_it_was_sent(queue_and_start: tuple[TaskQueue, Start]) -> None:
    queue, start = queue_and_start
    seen = Seen()
    start(seen)
    queue.send(HandleDelivery(1, trace="00-1-2-01"))
    assert [task.trace for task in seen.wait(1)] == ["00-1-2-01"]


def test_hints_that_were_sent_before_the_start_arrive(queue_and_start: tuple[TaskQueue, Start]) -> None:
    queue, start = queue_and_start
    seen = Seen()
    queue.send(HandleDelivery(1))
    start(seen)
    assert seen.wait(1) == [HandleDelivery(1)]


def test_a_delayed_hint_comes_after_one_that_is_due(queue_and_start: tuple[TaskQueue, Start]) -> None:
    queue, start = queue_and_start
    seen = Seen()
    queue.send(HandleDelivery(1), delay=0.2)
    queue.send(HandleDelivery(2))
    start(seen)
    assert seen.wait(2) == [HandleDelivery(2), HandleDelivery(1)]


def test_a_hint_that_waits_already_is_not_doubled(queue_and_start: tuple[WorkQueue, Start]) -> None:
    queue, start = queue_and_start
    seen = Seen()
    queue.send(HandleDelivery(1))
    queue.send(HandleDelivery(1))
    queue.send(HandleDelivery(2))
    start(seen)
    assert seen.wait(2) == [HandleDelivery(1), HandleDelivery(2)]
    queue.stop(HandleDelivery, _LONG)
    assert seen.tasks == [HandleDelivery(1), HandleDelivery(2)]


def test_a_waiting_hint_is_brought_forward_by_an_earlier_one() -> None:
    queue = LocalQueue({HandleDelivery: 1})
    seen = Seen()
    queue.send(HandleDelivery(1), delay=3600)
    queue.send(HandleDelivery(1))
    queue.start(seen)
    assert seen.wait(1) == [HandleDelivery(1)]
    queue.stop(HandleDelivery, _LONG)


def test_a_failing_task_does_not_stop_the_next(queue_and_start: tuple[TaskQueue, Start]) -> None:
    queue, start = queue_and_start
    seen = Seen()

    def perform(task: Task) -> None:
        seen(task)
        if task == HandleDelivery(1):
            raise RuntimeError("stumbled")

    start(perform)
    queue.send(HandleDelivery(1))
    queue.send(HandleDelivery(2))
    assert seen.wait(2) == [HandleDelivery(1), HandleDelivery(2)]


def test_a_hint_for_what_is_being_done_is_kept(queue_and_start: tuple[WorkQueue, Start]) -> None:
    queue, start = queue_and_start
    seen, began, go_on = Seen(), threading.Event(), threading.Event()

    def perform(task: Task) -> None:
        seen(task)
        began.set()
        go_on.wait(_LONG)

    start(perform)
    queue.send(HandleDelivery(1))
    assert began.wait(_LONG)
    queue.send(HandleDelivery(1))
    go_on.set()
    assert seen.wait(2) == [HandleDelivery(1)] * 2


def test_stopping_waits_for_what_is_being_done_and_takes_no_more(queue_and_start: tuple[WorkQueue, Start]) -> None:
    queue, start = queue_and_start
    began, go_on, done = threading.Event(), threading.Event(), []

    def perform(task: Task) -> None:
        began.set()
        go_on.wait(_LONG)
        done.append(task)

    start(perform)
    queue.send(HandleDelivery(1))
    assert began.wait(_LONG)
    queue.send(HandleDelivery(2))
    assert not queue.stop(HandleDelivery, 0.05)
    go_on.set()
    assert queue.stop(HandleDelivery, _LONG)
    assert done == [HandleDelivery(1)]


def test_a_kind_without_threads_is_dropped() -> None:
    queue = LocalQueue({HandleDelivery: 1, ExecuteRun: 0})
    queue.send(ExecuteRun(RunId("r")))
    assert queue.stop(ExecuteRun, 0)

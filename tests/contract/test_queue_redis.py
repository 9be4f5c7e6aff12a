"""What the queue on Redis does beyond its port: many processes, and a server that forgets, restarts or hangs."""

import contextlib
import signal
import threading
from collections.abc import Callable, Iterator

import pytest

from bot.adapters.queue_redis import RedisQueue
from bot.domain.runs import RunId
from bot.ports.queue import ExecuteRun, HandleDelivery, Perform, Task
from tests import servers
from tests.contract.test_queue import Seen

pytestmark = pytest.mark.redis

_LONG = 10.0
Worker = Callable[[str, Perform], RedisQueue]


@pytest.fixture
def worker() -> Iterator[Worker]:
    """Another process, as far as Redis can tell: one thread that handles deliveries and one that executes."""
    with contextlib.ExitStack() as stack:

        def start(url: str, perform: Perform) -> RedisQueue:
            queue = RedisQueue(url, {HandleDelivery: 1, ExecuteRun: 1})
            queue.start(perform)
            stack.callback(queue.stop, HandleDelivery, _LONG)
            stack.callback(queue.stop, ExecuteRun, _LONG)
            return queue

        yield start


def test_a_process_without_threads_hints_to_another(redis_url: str, worker: Worker) -> None:
    seen = Seen()
    worker(redis_url, seen)
    web = RedisQueue(redis_url, {})
    web.start(seen)
    web.send(ExecuteRun(RunId("r")))
    assert seen.wait(1) == [ExecuteRun(RunId("r"))]
    assert web.stop(ExecuteRun, 0)


def test_each_hint_reaches_one_of_many_processes(redis_url: str, worker: Worker) -> None:
    seen = Seen()
    worker(redis_url, seen)
    worker(redis_url, seen)
    wanted: list[Task] = [HandleDelivery(number) for number in range(50)]
    web = RedisQueue(redis_url, {})
    for task in wanted:
        web.send(task)
    assert sorted(seen.wait(50), key=repr) == sorted(wanted, key=repr)


def test_a_busy_process_leaves_hints_to_an_idle_one(redis_url: str, worker: Worker) -> None:
    busy, go_on, seen = threading.Event(), threading.Event(), Seen()

    def perform(task: Task) -> None:
        if not busy.is_set():
            busy.set()
            go_on.wait(_LONG)
        seen(task)

    web = RedisQueue(redis_url, {})
    worker(redis_url, perform)
    web.send(HandleDelivery(1))
    assert busy.wait(_LONG)
    worker(redis_url, perform)
    web.send(HandleDelivery(2))
    web.send(HandleDelivery(3))
    assert seen.wait(2) == [HandleDelivery(2), HandleDelivery(3)]
    go_on.set()
    assert seen.wait(3)[2] == HandleDelivery(1)


def test_what_was_forgotten_is_sent_again(redis_url: str, redis_server: servers.Redis, worker: Worker) -> None:
    web = RedisQueue(redis_url, {})
    web.send(HandleDelivery(1))
    redis_server.call("FLUSHALL")
    web.send(HandleDelivery(1))
    seen = Seen()
    worker(redis_url, seen)
    assert seen.wait(1) == [HandleDelivery(1)]


def test_a_server_that_comes_back_empty_serves_processes_that_never_ended(worker: Worker) -> None:
    with servers.redis() as server:
        seen = Seen()
        queue = worker(server.url, seen)
        queue.send(HandleDelivery(1))
        seen.wait(1)
        server.kill()
        queue.send(HandleDelivery(2))
        assert "does not answer" in (queue.trouble() or "")
        server.start()
        assert queue.trouble() is None
        RedisQueue(server.url, {}).send(HandleDelivery(3))
        assert seen.wait(2) == [HandleDelivery(1), HandleDelivery(3)]


def test_a_frozen_server_is_asked_once_and_then_left_alone_for_a_while() -> None:
    with servers.redis() as server:
        queue = RedisQueue(server.url, {})
        server.send(signal.SIGSTOP)
        queue.send(HandleDelivery(1))
        for number in range(100):
            queue.send(HandleDelivery(number))
        server.send(signal.SIGCONT)
        assert server.call("LLEN", "assay:intake") == b":0"


def test_a_server_that_takes_nothing_more_costs_only_the_hint(worker: Worker) -> None:
    with servers.redis("--maxmemory", "1") as server:
        queue = RedisQueue(server.url, {})
        queue.send(HandleDelivery(1))
        assert server.call("LLEN", "assay:intake") == b":0"


def test_a_hint_that_came_is_obeyed_although_the_server_is_of_no_more_use(worker: Worker) -> None:
    seen = Seen()
    with servers.redis() as server:
        server.call("ACL", "SETUSER", "default", "-del")
        worker(server.url, seen).send(HandleDelivery(1))
        assert seen.wait(1) == [HandleDelivery(1)]


def test_a_server_that_may_forget_is_told_of() -> None:
    with servers.redis("--maxmemory-policy", "allkeys-lru") as server:
        assert [(one.ok, one.help) for one in RedisQueue(server.url, {}).advice()] == [
            (False, "set maxmemory-policy noeviction"),
            (False, "set appendonly yes"),
        ]
    assert RedisQueue(server.url, {}).advice() == ()
    with servers.redis("--appendonly", "yes") as server:
        assert RedisQueue(server.url, {}).advice() == ()

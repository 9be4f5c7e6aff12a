"""P9: from a hint on Redis to the work, and what waiting for one costs."""

import queue
import time
from collections.abc import Iterator
from typing import Final

from bot.adapters.queue_redis import RedisQueue
from bot.ports.queue import ExecuteRun, HandleDelivery, SendReport, Task
from tests import servers
from tests.bench.figures import Figure, milliseconds

_HINTS: Final = 200
_PAUSE: Final = 0.03
"""Longer than a hint takes, so that each finds sleepers."""
_IDLE: Final = 10.0


def measure() -> Iterator[Figure]:
    came: queue.Queue[float] = queue.Queue()

    def perform(_task: Task) -> None:
        came.put(time.perf_counter())

    with servers.redis("--appendonly", "yes") as server:
        worker = RedisQueue(server.url, {HandleDelivery: 2, ExecuteRun: 4, SendReport: 4})
        worker.start(perform)
        sender = RedisQueue(server.url, {})
        took = [_send(sender, number, came) for number in range(_HINTS)]
        before, began = time.process_time(), time.monotonic()
        time.sleep(_IDLE)
        worked = (time.process_time() - before) / (time.monotonic() - began)
        for kind in (HandleDelivery, ExecuteRun, SendReport):
            worker.stop(kind, 5)
    yield Figure(
        name="P9", what="hint on Redis to work", value=milliseconds(took), unit="ms", limit=3, against="goal"
    )
    yield Figure(
        name="P9", what="waiting for hints, of one core", value=100 * worked, unit="%", limit=0.3, against="goal"
    )


def _send(sender: RedisQueue, number: int, came: queue.Queue[float]) -> float:
    time.sleep(_PAUSE)
    sent = time.perf_counter()
    sender.send(HandleDelivery(number))
    return came.get(timeout=10) - sent

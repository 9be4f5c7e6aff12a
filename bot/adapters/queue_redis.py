"""Hints between processes: Dramatiq on Redis, with a key that sleepers wait for instead of asking again and again.

Dramatiq's retries, delays and time limits stay off: what is lost here the sweep sends again (RELIABILITY §6.5).
"""

import contextlib
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import redis
import structlog
from dramatiq import Actor, Worker
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer
from dramatiq.errors import ConnectionClosed
from redis.backoff import NoBackoff
from redis.retry import Retry

from bot.domain.findings import Finding
from bot.domain.hosts import LOOPBACK
from bot.ports.queue import ExecuteRun, HandleDelivery, Perform, SendNotice, SendReport, Task

log = structlog.get_logger()

_NAMESPACE: Final = "assay"
_NAMES: Final[Mapping[type[Task], str]] = {
    HandleDelivery: "intake",
    ExecuteRun: "execute",
    SendReport: "report",
    SendNotice: "notice",
}
_ANSWER: Final = 2.0
"""Seconds that Redis has for an answer: a webhook waits for it."""
_NAP: Final = 0.5
"""Seconds that an idle consumer waits for the key; it also tells Redis that it lives."""
_QUIET: Final = 5.0
"""Seconds without hints after Redis did not answer, so that not every webhook waits for it."""
_FORGET: Final = 30
"""Seconds after which a hint that nobody took may be sent again."""
_WAKES: Final = 64
"""Sleepers that are woken one by one; more find what there is when they look."""
_DELAYED: Final = 100
"""Hints that wait here for their time; the sweep sends the others."""
_HEARTBEAT_MS: Final = 15_000
_ALWAYS: Final = 1_000_000
"""Of a million commands: each looks for what dead processes left."""


class RedisQueue:
    """One queue for each kind of task; a hint that waits already is not added again."""

    def __init__(self, url: str, lanes: Mapping[type[Task], int]) -> None:
        """`lanes`: how many threads of this process work on each kind of task; it sends every kind."""
        client = redis.Redis.from_url(
            url,
            socket_timeout=_ANSWER,
            socket_connect_timeout=_ANSWER,
            retry=Retry(NoBackoff(), 1, supported_errors=(redis.ConnectionError,)),
        )
        self._client = client
        self._lanes = {kind: _Lane(client, name, kind, lanes.get(kind, 0)) for kind, name in _NAMES.items()}
        self._quiet_until = 0.0
        self._delayed = 0
        self._lock = threading.Lock()

    def send(self, task: Task, *, delay: float = 0) -> None:
        if delay > 0:
            self._later(task, delay)
        elif time.monotonic() >= self._quiet_until:
            try:
                self._lanes[type(task)].send(task)
            except redis.RedisError as error:
                self._quiet_until = time.monotonic() + _QUIET
                log.warning("queue.hint_lost", task=type(task).__name__, error=str(error))

    def start(self, perform: Perform) -> None:
        for lane in self._lanes.values():
            lane.start(perform)

    def stop(self, kind: type[Task], timeout: float) -> bool:
        """Take no more of that kind and wait for what is being done; False if it is still going on then."""
        return self._lanes[kind].stop(timeout)

    def trouble(self) -> str | None:
        """Why hints do not go through now."""
        try:
            self._client.ping()
        except redis.RedisError as error:
            return f"Redis does not answer: {error}"
        return None

    def advice(self) -> Sequence[Finding]:
        try:
            about = self._client.info()
        except redis.RedisError:
            return ()
        return tuple(_advice(about, self._client.connection_pool.connection_kwargs))

    def _later(self, task: Task, delay: float) -> None:
        with self._lock:
            if self._delayed >= _DELAYED:
                return
            self._delayed += 1
        timer = threading.Timer(delay, self._now, (task,))
        timer.daemon = True
        timer.start()

    def _now(self, task: Task) -> None:
        with self._lock:
            self._delayed -= 1
        self.send(task)


def _advice(about: Mapping[str, Any], reached: Mapping[str, Any]) -> Iterator[Finding]:
    """`about`: what it says of itself; `reached`: how we get there."""
    if (policy := about.get("maxmemory_policy")) != "noeviction":
        text = f"Redis throws hints away when its memory is full: its maxmemory-policy is {policy}"
        yield Finding(ok=False, text=text, help="set maxmemory-policy noeviction")
    if not about.get("aof_enabled"):
        text = "Redis forgets all hints when it ends: it has no append-only file"
        yield Finding(ok=False, text=text, help="set appendonly yes")
    host = reached.get("host")
    if host and host not in LOOPBACK and not reached.get("password"):
        text = f"whoever reaches {host} may read and change what is in Redis: it asks for no password"
        yield Finding(ok=True, text=text, help="set requirepass, or let nobody else reach it")


class _Lane:
    def __init__(self, client: redis.Redis, name: str, kind: type[Task], threads: int) -> None:
        self._client, self._name, self._kind, self._threads = client, name, kind, threads
        self._broker = _Broker(client, f"{_NAMESPACE}:wake:{name}")
        self._actor = Actor(self._act, broker=self._broker, actor_name=name, queue_name=name, priority=0, options={})
        self._worker: Worker | None = None
        self._perform: Perform = lambda _: None
        self._stopping: threading.Thread | None = None

    def send(self, task: Task) -> None:
        identifier = _identifier(task)
        if self._client.set(self._mark(identifier), 1, nx=True, ex=_FORGET):
            self._actor.send(identifier, *([task.trace] if task.trace else []))
            self._broker.wake()

    def start(self, perform: Perform) -> None:
        if self._threads:
            self._perform = perform
            self._worker = Worker(
                self._broker, queues={self._name}, worker_timeout=int(_NAP * 1000), worker_threads=self._threads
            )
            self._worker.queue_prefetch = self._threads  # so that none waits here while another process is idle
            self._worker.start()

    def stop(self, timeout: float) -> bool:
        if self._worker is None:
            return True
        if self._stopping is None:
            self._broker.drain()
            self._stopping = threading.Thread(target=self._worker.stop, name=f"stop-{self._name}", daemon=True)
            self._stopping.start()
        self._stopping.join(timeout)
        return not self._stopping.is_alive()

    def _act(self, identifier: str | int, trace: str = "") -> None:
        with contextlib.suppress(redis.RedisError):  # the mark ends by itself, and the hint is here
            self._client.delete(self._mark(identifier))
        try:
            self._perform(_task(self._kind, identifier, trace))
        except Exception as error:  # the lane's end of the line: the store keeps the work, the sweep sends a hint
            log.exception("task.failed", task=self._kind.__name__, error=type(error).__name__)

    def _mark(self, identifier: str | int) -> str:
        return f"{_NAMESPACE}:sent:{self._name}:{identifier}"


class _Broker(RedisBroker):
    """Without middleware nothing is retried, delayed or timed; without delay queues nobody asks for them."""

    def __init__(self, client: redis.Redis, wake_key: str) -> None:
        super().__init__(  # type: ignore[no-untyped-call]  # Dramatiq has few types
            client=client,
            middleware=[],
            namespace=_NAMESPACE,
            maintenance_chance=_ALWAYS,
            heartbeat_timeout=_HEARTBEAT_MS,
        )
        self._wake_key = wake_key
        self._free = threading.Event()
        self.is_draining = False

    @property
    def consumer_class(self) -> type["_Consumer"]:
        return _Consumer

    def declare_queue(self, queue_name: str) -> None:
        if queue_name not in self.queues:
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)

    def wake(self) -> None:
        """One sleeper, here or elsewhere."""
        with self.client.pipeline(transaction=False) as pipeline:
            pipeline.lpush(self._wake_key, 1)
            pipeline.ltrim(self._wake_key, 0, _WAKES - 1)
            pipeline.execute()

    def sleep(self) -> None:
        """Until a hint was sent, or for a moment."""
        self.client.blpop([self._wake_key], timeout=_NAP)

    def drain(self) -> None:
        self.is_draining = True
        self._free.set()

    def say_free(self) -> None:
        self._free.set()

    def wait_until_free(self) -> None:
        self._free.wait(_NAP)
        self._free.clear()


class _Consumer(_RedisConsumer):
    """Takes no more hints than there are idle threads, and sleeps until one is sent."""

    broker: _Broker

    def __next__(self) -> Any:  # Dramatiq has no types
        try:
            if self.message_cache or self._fetch():
                return super().__next__()  # type: ignore[no-untyped-call]  # Dramatiq has no types here
        except redis.RedisError as error:
            time.sleep(_NAP)
            raise ConnectionClosed(error) from None  # type: ignore[no-untyped-call]  # as above
        return None

    def ack(self, message: Any) -> None:
        try:
            super().ack(message)  # type: ignore[no-untyped-call]  # as above
        except (redis.RedisError, ConnectionClosed):
            log.debug("queue.hint_not_acknowledged")  # it comes again and finds nothing to do
        self.broker.say_free()

    def _fetch(self) -> bool:
        room = 0 if self.broker.is_draining else self.prefetch - self.outstanding_message_count
        self.message_cache = self.broker.do_fetch(self.queue_name, room)  # also without room: it says that we live
        if not self.message_cache:
            self.broker.sleep() if room else self.broker.wait_until_free()
        return bool(self.message_cache)


def _identifier(task: Task) -> str | int:
    match task:
        case HandleDelivery(delivery):
            return delivery
        case ExecuteRun(run):
            return run
        case SendReport(report):
            return report
        case SendNotice(notice):
            return notice


def _task(kind: type[Task], identifier: str | int, trace: str) -> Task:
    return kind(identifier, trace=trace)  # type: ignore[arg-type]  # it is what `_identifier` gave for one of that kind

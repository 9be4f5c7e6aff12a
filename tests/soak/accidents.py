"""What goes wrong. Each accident heals itself after a while; what it hits is hit by one at a time."""

import os
import random
import signal
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from docker.errors import DockerException
from requests.exceptions import RequestException

from tests.engines import PrivateEngine
from tests.faults.server import Serve
from tests.hosts.place import Hosts
from tests.servers import S3, Server

_GONE: Final = (ProcessLookupError, FileNotFoundError)


@dataclass(frozen=True, slots=True)
class Lost:
    """Runs that a worker held when it was hit."""

    at: float
    runs: Sequence[str]


@dataclass(slots=True)
class Accidents:
    here: Hosts
    engines: Sequence[PrivateEngine]
    storage: S3
    lost: list[Lost] = field(default_factory=list)
    slowed: set[str] = field(default_factory=set)
    """Runs that may have come to their deadline by an accident."""
    _busy: dict[str, threading.Lock] = field(default_factory=dict)

    def happen(self, what: str, chance: random.Random) -> str:
        """What was hit, in words; returns when it is healed."""
        target, act = _ACCIDENTS[what]
        number = chance.randrange(2)
        name = f"{target}{number}" if target in ("web", "worker", "engine") else target
        lock = self._busy.setdefault(name, threading.Lock())
        if not lock.acquire(blocking=False):
            return f"{name}: nothing, it has trouble already"
        try:
            return f"{name}: {act(self, number, chance)}"
        finally:
            lock.release()

    # -- processes
    def web_killed(self, number: int, chance: random.Random) -> str:
        web = self._web(number)
        web.kill()
        return self._back(web, chance)

    def web_frozen(self, number: int, chance: random.Random) -> str:
        return self._freeze(self._web(number).pid, chance.uniform(1, 14))

    def worker_killed(self, number: int, _: random.Random) -> str:
        self._note_lost(number)
        os.kill(self.here.workers[number].child, signal.SIGKILL)
        return "killed"

    def supervisor_killed(self, number: int, chance: random.Random) -> str:
        """Its child ends in good order."""
        worker = self.here.workers[number]
        child = worker.child
        worker.kill()
        words = self._back(worker, chance)
        return f"{words}, its child {'lives' if _lives(child) else 'ended'}"

    def machine_killed(self, number: int, chance: random.Random) -> str:
        worker = self.here.workers[number]
        child = worker.child
        self._note_lost(number)
        worker.kill()
        with suppress(*_GONE):
            os.kill(child, signal.SIGKILL)
        return self._back(worker, chance)

    def worker_frozen(self, number: int, chance: random.Random) -> str:
        return self._freeze(self.here.workers[number].child, chance.uniform(1, 40))

    def worker_restarted(self, number: int, chance: random.Random) -> str:
        worker = self.here.workers[number]
        status = worker.terminate()
        return f"ended with {status}, {self._back(worker, chance)}"

    def _web(self, number: int) -> Serve:
        return (self.here.serve, self.here.other)[number]

    def _back(self, process: Serve, chance: random.Random) -> str:
        seconds = chance.uniform(0, 5)
        time.sleep(seconds)
        process.start(**self.here.settings)
        return f"away for {seconds:.1f} s"

    def _freeze(self, pid: int, seconds: float) -> str:
        with suppress(*_GONE):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        with suppress(*_GONE):
            os.kill(pid, signal.SIGCONT)
        return f"frozen for {seconds:.1f} s"

    def _note_lost(self, number: int) -> None:
        with suppress(OSError):
            place = (self.here.workers[number].data / "instance").read_text()
            self.lost.append(Lost(time.time(), self.here.held(place)))

    # -- servers
    def redis_flushed(self, _number: int, _: random.Random) -> str:
        with suppress(OSError):
            self.here.redis.call("FLUSHALL")
        return "flushed"

    def redis_killed(self, _: int, chance: random.Random) -> str:
        return _restart(self.here.redis, signal.SIGKILL, chance)

    def redis_frozen(self, _: int, chance: random.Random) -> str:
        return self._freeze(self.here.redis.pid, chance.uniform(1, 10))

    def postgres_restarted(self, _: int, chance: random.Random) -> str:
        return _restart(self.here.postgres, signal.SIGINT, chance)

    def postgres_killed(self, _: int, chance: random.Random) -> str:
        return _restart(self.here.postgres, signal.SIGQUIT, chance)

    def postgres_frozen(self, _: int, chance: random.Random) -> str:
        pids = self.here.postgres.family
        seconds = chance.uniform(1, 6)
        for number in (signal.SIGSTOP, signal.SIGCONT):
            for pid in pids:
                with suppress(*_GONE):
                    os.kill(pid, number)
            if number == signal.SIGSTOP:
                time.sleep(seconds)
        return f"frozen for {seconds:.1f} s"

    def connections_cut(self, _number: int, _: random.Random) -> str:
        self.here.postgres.cut_connections()
        return "all connections cut"

    def storage_killed(self, _: int, chance: random.Random) -> str:
        return _restart(self.storage, signal.SIGKILL, chance)

    # -- the forge
    def forge_fails(self, _: int, chance: random.Random) -> str:
        status, count = chance.choice([500, 502, 503]), chance.randint(1, 15)
        self.here.github.fail_next(".", how=status, count=count)
        return f"{count} times {status}"

    def forge_limits(self, _: int, chance: random.Random) -> str:
        seconds = chance.randint(1, 8)
        self.here.github.fail_next(r"/check-runs", how=429, headers={"Retry-After": str(seconds)})
        return f"asks for {seconds} s"

    def forge_slow(self, _: int, chance: random.Random) -> str:
        seconds, count = chance.uniform(1, 12), chance.randint(1, 3)
        self.here.github.fail_next(r"/check-runs|/access_tokens|/contents", how="late", delay=seconds, count=count)
        return f"{count} answers come {seconds:.1f} s late"

    def forge_loses(self, _: int, chance: random.Random) -> str:
        count = chance.randint(1, 3)
        self.here.github.fail_next(r"/check-runs|/comments", "POST", "reset", count=count, when="after")
        return f"{count} answers to writes are lost"

    # -- engines and containers
    def engine_killed(self, number: int, chance: random.Random) -> str:
        engine = self.engines[number]
        engine.kill()
        seconds = chance.uniform(0, 4)
        time.sleep(seconds)
        engine.start()
        return f"away for {seconds:.1f} s"

    def engine_frozen(self, number: int, chance: random.Random) -> str:
        self._note_slowed(number)
        words = self._freeze(self.engines[number].pid, chance.uniform(1, 8))
        self._note_slowed(number)
        return words

    def container_killed(self, number: int, chance: random.Random) -> str:
        return self._to_container(number, chance, "kill")

    def container_removed(self, number: int, chance: random.Random) -> str:
        return self._to_container(number, chance, "remove")

    def container_paused(self, number: int, chance: random.Random) -> str:
        return self._to_container(number, chance, "pause")

    def _to_container(self, number: int, chance: random.Random, what: str) -> str:
        client = self.here.engine.clients[number]
        with suppress(DockerException, RequestException):
            found = client.containers(filters={"label": "assay.run"})
            if not found:
                return "no container runs"
            one = chance.choice(found)
            self.slowed |= {one["Labels"]["assay.run"]} if what == "pause" else set()
            match what:
                case "kill":
                    client.kill(one["Id"])
                case "pause":
                    client.pause(one["Id"])
                case _:
                    client.remove_container(one["Id"], force=True)
            return f"{what} of {one['Labels']['assay.run']}"
        return "the engine did not answer"

    def _note_slowed(self, number: int) -> None:
        place = (self.here.workers[number].data / "instance").read_text()
        self.slowed |= set(self.here.held(place))


def _restart(server: Server, number: signal.Signals, chance: random.Random) -> str:
    seconds = chance.uniform(0, 5)
    server.stop(number)
    time.sleep(seconds)
    server.start()
    return f"away for {seconds:.1f} s"


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


_ACCIDENTS: Final[Mapping[str, tuple[str, Callable[[Accidents, int, random.Random], str]]]] = {
    "web killed": ("web", Accidents.web_killed),
    "web frozen": ("web", Accidents.web_frozen),
    "worker killed": ("worker", Accidents.worker_killed),
    "supervisor killed": ("worker", Accidents.supervisor_killed),
    "machine of a worker killed": ("worker", Accidents.machine_killed),
    "worker frozen": ("worker", Accidents.worker_frozen),
    "worker restarted": ("worker", Accidents.worker_restarted),
    "redis flushed": ("redis", Accidents.redis_flushed),
    "redis killed": ("redis", Accidents.redis_killed),
    "redis frozen": ("redis", Accidents.redis_frozen),
    "postgres restarted": ("postgres", Accidents.postgres_restarted),
    "postgres killed": ("postgres", Accidents.postgres_killed),
    "postgres frozen": ("postgres", Accidents.postgres_frozen),
    "connections cut": ("postgres", Accidents.connections_cut),
    "storage killed": ("storage", Accidents.storage_killed),
    "forge fails": ("forge", Accidents.forge_fails),
    "forge limits": ("forge", Accidents.forge_limits),
    "forge is slow": ("forge", Accidents.forge_slow),
    "forge loses answers": ("forge", Accidents.forge_loses),
    "engine killed": ("engine", Accidents.engine_killed),
    "engine frozen": ("engine", Accidents.engine_frozen),
    "container killed": ("container", Accidents.container_killed),
    "container removed": ("container", Accidents.container_removed),
    "container paused": ("container", Accidents.container_paused),
}

"""What goes wrong. Each accident heals itself after a while; what it hits is hit by one at a time."""

import os
import random
import shutil
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
from tests.soak.sites import Site

_GONE: Final = (ProcessLookupError, FileNotFoundError)


@dataclass(frozen=True, slots=True)
class Lost:
    """Runs that a worker held when it was hit, and those of them whose container ran."""

    at: float
    runs: Sequence[str]
    running: Sequence[str]


@dataclass(slots=True)
class Accidents:
    here: Hosts
    engines: Sequence[PrivateEngine]
    storage: S3
    forges: Sequence[Site]
    lost: list[Lost] = field(default_factory=list)
    slowed: set[str] = field(default_factory=set)
    """Runs that may have come to their deadline by an accident."""
    guard: float = 0.0
    """Seconds that a worker and its supervisor may be away: then others start its runs while its engine lives."""
    unguarded: set[str] = field(default_factory=set)
    """Runs of workers that were away for longer."""
    _busy: dict[str, threading.Lock] = field(default_factory=dict)

    def happen(self, what: str, chance: random.Random) -> str:
        """What was hit, in words; returns when it is healed."""
        target, act = _ACCIDENTS[what]
        number = chance.randrange(self._many(target))
        name = f"{target}{number}"
        lock = self._busy.setdefault(name, threading.Lock())
        if not lock.acquire(blocking=False):
            return f"{name}: nothing, it has trouble already"
        try:
            return f"{name}: {act(self, number, chance)}"
        finally:
            lock.release()

    def _many(self, target: str) -> int:
        counted = {"web": 2, "forge": len(self.forges)}
        return counted.get(target, len(self.engines) if target in ("worker", "engine", "container") else 1)

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
        lost = self._note_lost(number)
        worker.kill()
        words = self._again(number, lost, chance)
        return f"{words}, its child {'lives' if _lives(child) else 'ended'}"

    def machine_killed(self, number: int, chance: random.Random) -> str:
        worker = self.here.workers[number]
        child = worker.child
        lost = self._note_lost(number)
        worker.kill()
        with suppress(*_GONE):
            os.kill(child, signal.SIGKILL)
        return self._again(number, lost, chance)

    def worker_frozen(self, number: int, chance: random.Random) -> str:
        return self._freeze(self.here.workers[number].child, chance.uniform(1, 40))

    def worker_restarted(self, number: int, chance: random.Random) -> str:
        worker = self.here.workers[number]
        lost = self._note_lost(number)
        status = worker.terminate()
        return f"ended with {status}, {self._again(number, lost, chance)}"

    def _web(self, number: int) -> Serve:
        return (self.here.serve, self.here.other)[number]

    def _back(self, process: Serve, chance: random.Random) -> str:
        seconds = chance.uniform(0, 5)
        time.sleep(seconds)
        process.start(**self.here.settings)
        return f"away for {seconds:.1f} s"

    def _again(self, number: int, lost: Lost, chance: random.Random) -> str:
        words = self._back(self.here.workers[number], chance)
        seconds = time.time() - lost.at
        if seconds > self.guard:
            self.unguarded |= set(lost.runs)
        return f"{words}, takes work after {seconds:.1f} s"

    def _freeze(self, pid: int, seconds: float) -> str:
        with suppress(*_GONE):
            os.kill(pid, signal.SIGSTOP)
        time.sleep(seconds)
        with suppress(*_GONE):
            os.kill(pid, signal.SIGCONT)
        return f"frozen for {seconds:.1f} s"

    def _note_lost(self, number: int) -> Lost:
        held = self._held(number)
        running = [run for run, state in held.items() if state == "running"]
        lost = Lost(time.time(), list(held), running)
        self.lost.append(lost)
        return lost

    def _held(self, number: int) -> Mapping[str, str]:
        return self.here.held((self.here.workers[number].data / "instance").read_text())

    # -- servers
    def redis_flushed(self, _number: int, _: random.Random) -> str:
        with suppress(OSError):
            self.here.redis.call("FLUSHALL")
        return "flushed"

    def redis_killed(self, _: int, chance: random.Random) -> str:
        return _restart(self.here.redis, signal.SIGKILL, chance)

    def redis_emptied(self, _: int, chance: random.Random) -> str:
        redis = self.here.redis
        redis.kill()
        shutil.rmtree(redis.folder / "appendonlydir", ignore_errors=True)
        return _restart(redis, signal.SIGKILL, chance)

    def redis_frozen(self, _: int, chance: random.Random) -> str:
        return self._freeze(self.here.redis.pid, chance.uniform(1, 10))

    def postgres_restarted(self, _: int, chance: random.Random) -> str:
        return _restart(self.here.postgres, signal.SIGINT, chance)

    def postgres_killed(self, _: int, chance: random.Random) -> str:
        return _restart(self.here.postgres, signal.SIGQUIT, chance)

    def postgres_away(self, _: int, chance: random.Random) -> str:
        """For longer than a lease."""
        return _restart(self.here.postgres, signal.SIGINT, chance, least=25, most=35)

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

    # -- the forges
    def forge_fails(self, number: int, chance: random.Random) -> str:
        forge = self.forges[number]
        status, count = chance.choice([500, 502, 503]), chance.randint(1, 15)
        forge.fail_next(".", how=status, count=count)
        return f"{forge.name} {count} times {status}"

    def forge_away(self, number: int, chance: random.Random) -> str:
        forge, seconds = self.forges[number], chance.uniform(10, 40)
        forge.fail_next(".", how=503, count=1_000_000)
        time.sleep(seconds)
        forge.heal()
        return f"{forge.name} answered 503 for {seconds:.1f} s"

    def forge_limits(self, number: int, chance: random.Random) -> str:
        forge, seconds = self.forges[number], chance.randint(1, 8)
        forge.fail_next(forge.writes, how=429, headers={"Retry-After": str(seconds)})
        return f"{forge.name} asks for {seconds} s"

    def forge_slow(self, number: int, chance: random.Random) -> str:
        forge, seconds, count = self.forges[number], chance.uniform(1, 12), chance.randint(1, 3)
        forge.fail_next(forge.reads, how="late", delay=seconds, count=count)
        return f"{forge.name} {count} answers come {seconds:.1f} s late"

    def forge_loses(self, number: int, chance: random.Random) -> str:
        forge, count = self.forges[number], chance.randint(1, 3)
        forge.fail_next(f"{forge.writes}|/comments|/notes", "POST", "reset", count=count, when="after")
        return f"{forge.name} {count} answers to writes are lost"

    def token_refused(self, _number: int, _: random.Random) -> str:
        forge = self.forges[0]
        forge.fail_next(forge.writes, how=401)
        return f"{forge.name} refused one"

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

    def holder_killed(self, number: int, chance: random.Random) -> str:
        """Of a container."""
        holders = self.engines[number].holders()
        if not holders:
            return "no container runs"
        with suppress(*_GONE):
            os.kill(chance.choice(holders), signal.SIGKILL)
        return "killed"

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
        self.slowed |= set(self._held(number))


def _restart(server: Server, number: signal.Signals, chance: random.Random, least: float = 0, most: float = 5) -> str:
    seconds = chance.uniform(least, most)
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
    "redis emptied": ("redis", Accidents.redis_emptied),
    "redis frozen": ("redis", Accidents.redis_frozen),
    "postgres restarted": ("postgres", Accidents.postgres_restarted),
    "postgres killed": ("postgres", Accidents.postgres_killed),
    "postgres away": ("postgres", Accidents.postgres_away),
    "postgres frozen": ("postgres", Accidents.postgres_frozen),
    "connections cut": ("postgres", Accidents.connections_cut),
    "storage killed": ("storage", Accidents.storage_killed),
    "forge fails": ("forge", Accidents.forge_fails),
    "forge away": ("forge", Accidents.forge_away),
    "forge limits": ("forge", Accidents.forge_limits),
    "forge is slow": ("forge", Accidents.forge_slow),
    "forge loses answers": ("forge", Accidents.forge_loses),
    "token refused": ("forge", Accidents.token_refused),
    "engine killed": ("engine", Accidents.engine_killed),
    "engine frozen": ("engine", Accidents.engine_frozen),
    "holder killed": ("container", Accidents.holder_killed),
    "container killed": ("container", Accidents.container_killed),
    "container removed": ("container", Accidents.container_removed),
    "container paused": ("container", Accidents.container_paused),
}

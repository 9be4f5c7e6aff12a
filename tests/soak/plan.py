"""What happens when: a function of the seed and the length alone."""

import heapq
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

PEOPLE: Final[Mapping[str, int]] = {
    "push": 12,
    "push and hear it thrice": 4,
    "push and lose the webhook": 3,
    "push in the wrong order": 2,
    "open a change": 4,
    "open a change as a stranger": 2,
    "push to a change": 4,
    "close a change": 1,
    "approve": 3,
    "retest": 3,
    "cancel": 3,
    "press re-run": 2,
}
"""What people do, and how often compared with each other."""
FAULTS: Final[Mapping[str, int]] = {
    "web killed": 4,
    "web frozen": 2,
    "worker killed": 8,
    "supervisor killed": 3,
    "machine of a worker killed": 3,
    "worker frozen": 4,
    "worker restarted": 4,
    "redis flushed": 3,
    "redis killed": 2,
    "redis emptied": 1,
    "redis frozen": 2,
    "postgres restarted": 2,
    "postgres killed": 1,
    "postgres away": 1,
    "postgres frozen": 2,
    "connections cut": 3,
    "storage killed": 1,
    "forge fails": 4,
    "forge away": 2,
    "forge limits": 2,
    "forge is slow": 3,
    "forge loses answers": 3,
    "token refused": 1,
    "engine killed": 2,
    "engine frozen": 2,
    "holder killed": 2,
    "container killed": 3,
    "container removed": 2,
    "container paused": 1,
}
PEOPLE_PAUSE: Final = 3.5
FAULT_PAUSE: Final = 8.0
"""Mean seconds between two of them."""


@dataclass(frozen=True, slots=True, order=True)
class Step:
    at: float
    """Seconds after the start."""
    what: str
    chance: int
    """What else must be chosen is chosen by this."""


def plan(seed: int, seconds: float) -> list[Step]:
    chance = random.Random(f"{seed}")
    people = _steps(chance, PEOPLE, PEOPLE_PAUSE, seconds)
    faults = _steps(random.Random(chance.random()), FAULTS, FAULT_PAUSE, seconds)
    return list(heapq.merge(people, faults))


def _steps(chance: random.Random, weights: Mapping[str, int], pause: float, seconds: float) -> Iterator[Step]:
    at = chance.expovariate(1 / pause)
    while at < seconds:
        (what,) = chance.choices(list(weights), list(weights.values()))
        yield Step(round(at, 2), what, chance.getrandbits(32))
        at += chance.expovariate(1 / pause)

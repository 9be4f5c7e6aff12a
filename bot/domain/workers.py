"""Workers: what each can take, and why a run waits that none of them can take."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from bot.domain.suites import Limits, Suite
from bot.domain.texts import size

LABEL: Final = re.compile(r"[a-z0-9][a-z0-9._-]{0,62}")

Labels = frozenset[str]


@dataclass(frozen=True, slots=True, kw_only=True)
class Needs:
    """What a run takes of a worker; None: as much as any other run that does not say it, a share of the machine."""

    labels: Labels = frozenset()
    cpus: float | None = None
    memory: int | None = None
    """Bytes, its services' included."""


def needs_of(suite: Suite) -> Needs:
    services = sum(service.memory or 0 for service in suite.services)
    memory = None if suite.memory is None else suite.memory + services
    return Needs(labels=frozenset(suite.runs_on), cpus=suite.cpus, memory=memory)


@dataclass(frozen=True, slots=True, kw_only=True)
class Worker:
    """A process that runs suites beside an engine."""

    process: str
    """`PLACE/NUMBER`: no two living processes have the same, and who comes after has its name."""
    name: str
    """What people call it."""
    labels: Labels = frozenset()
    slots: int
    """Runs at once."""
    cpus: float
    memory: int
    """Bytes."""
    draining: bool = False
    """It takes no more runs until somebody says otherwise."""
    is_live: bool = True
    """It said a moment ago that it is there."""

    @property
    def place(self) -> str:
        return self.process.partition("/")[0]

    def suits(self, needs: Needs) -> bool:
        """Could it take such a run if it had nothing else to do? CPUs are given as far as there are any."""
        return needs.labels <= self.labels and (needs.memory or 0) <= self.memory


@dataclass(frozen=True, slots=True, kw_only=True)
class Offer:
    """What a worker's settings say of it; None: whatever the engine's machine has."""

    name: str
    labels: Labels = frozenset()
    slots: int
    cpus: float | None = None
    memory: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Room:
    """What a worker has left for the next run."""

    worker: Worker
    ceiling: Limits
    """No container gets more, whatever its suite asks for."""
    slots: int
    cpus: float
    memory: int

    @property
    def is_there(self) -> bool:
        return self.slots > 0 and not self.worker.draining


@dataclass(frozen=True, slots=True)
class Taken:
    """Of the machine, by one run."""

    cpus: float
    memory: int


def taken(worker: Worker, needs: Needs) -> Taken:
    """What a run that says nothing takes is the machine divided by its slots, so that as many of them fit."""
    cpus = worker.cpus / worker.slots if needs.cpus is None else needs.cpus
    memory = worker.memory // worker.slots if needs.memory is None else needs.memory
    return Taken(min(cpus, worker.cpus), min(memory, worker.memory))


def room(worker: Worker, held: Sequence[Needs], ceiling: Limits) -> Room:
    """`held`: what its runs of now asked for."""
    all_taken = [taken(worker, at_most(needs, ceiling)) for needs in held]
    return Room(
        worker=worker,
        ceiling=ceiling,
        slots=worker.slots - len(held),
        cpus=worker.cpus - sum(one.cpus for one in all_taken),
        memory=worker.memory - sum(one.memory for one in all_taken),
    )


def at_most(needs: Needs, ceiling: Limits) -> Needs:
    """No container gets more than the operator's ceiling, whatever its suite asks for."""
    cpus = None if needs.cpus is None else min(needs.cpus, ceiling.cpus)
    memory = None if needs.memory is None else min(needs.memory, ceiling.memory)
    return Needs(labels=needs.labels, cpus=cpus, memory=memory)


def why_none(needs: Needs, workers: Sequence[Worker]) -> str:
    """Why no worker will take such a run as things are, in words for people; nothing when one will."""
    live = [one for one in workers if one.is_live]
    if not live:
        return "no worker is there"
    labelled = [one for one in live if needs.labels <= one.labels]
    if not labelled:
        return f"no worker has {_labels(needs.labels)}"
    fit = [one for one in labelled if one.suits(needs)]
    if not fit:
        whose = f" with {_labels(needs.labels)}" if needs.labels else ""
        return f"no worker{whose} has {size(needs.memory or 0)} of memory"
    return "" if any(not one.draining for one in fit) else "every worker that could take it is being drained"


def _labels(labels: Labels) -> str:
    return f"the label{'' if len(labels) == 1 else 's'} {', '.join(sorted(labels))}"

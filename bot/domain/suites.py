"""What runs and where: suites as the suite file describes them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

MIB: Final = 1 << 20
GIB: Final = 1 << 30


class Occasion(enum.StrEnum):
    """`when.events` of the suite file."""

    PUSH = "push"
    PULL_REQUEST = "pull_request"
    TAG = "tag"
    SCHEDULE = "schedule"
    MANUAL = "manual"


class Network(enum.StrEnum):
    """What a run may reach, from the tightest to the widest."""

    NONE = "none"
    SERVICES = "services"
    INTERNET = "internet"

    def at_most(self, ceiling: "Network") -> "Network":
        order = list(Network)
        return order[min(order.index(self), order.index(ceiling))]


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Empty tuples filter nothing. Globs are gitignore's; `branches` of a change means its target."""

    events: tuple[Occasion, ...] = (Occasion.PUSH, Occasion.PULL_REQUEST)
    branches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    name: str
    image: str
    commands: tuple[str, ...]
    is_script: bool = True
    """One script (`run: |`), not a list of commands."""
    env: Mapping[str, str] = field(default_factory=dict)
    timeout: int = 1800
    """Seconds."""
    allow_failure: bool = False
    when: When = field(default_factory=When)
    line: int = 1
    """Where the suite stands in its file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFile:
    path: str
    suites: tuple[Suite, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one container may use; memory, disk, file and log in bytes."""

    cpus: float = 2.0
    memory: int = 2 * GIB
    pids: int = 512
    disk: int = 10 * GIB
    file: int = 2 * GIB
    log: int = 50 * MIB

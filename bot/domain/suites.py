"""What runs and where: suites as the suite file describes them."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Final

from bot.domain.errors import Problem

MIB: Final = 1 << 20
GIB: Final = 1 << 30


class Occasion(enum.StrEnum):
    """`when.events` of the suite file."""

    PUSH = "push"
    PULL_REQUEST = "pull_request"
    TAG = "tag"
    SCHEDULE = "schedule"
    MANUAL = "manual"


class Guarding(enum.Enum):
    """Whether runs with the internet are kept from the host and from private networks."""

    AUTO = "auto"
    """Wherever the process that makes them can do it."""
    ALWAYS = "true"
    NEVER = "false"


class Network(enum.StrEnum):
    """What a run may reach, from the tightest to the widest."""

    NONE = "none"
    SERVICES = "services"
    INTERNET = "internet"

    def at_most(self, ceiling: "Network") -> "Network":
        order = list(Network)
        return order[min(order.index(self), order.index(ceiling))]


class Store(enum.StrEnum):
    """After which runs artifacts are kept."""

    ALWAYS = "always"
    ON_FAILURE = "on-failure"


@dataclass(frozen=True, slots=True, kw_only=True)
class Schedule:
    """Five fields of cron, read in a time zone of the IANA database."""

    cron: str
    timezone: str = "UTC"


@dataclass(frozen=True, slots=True, kw_only=True)
class When:
    """Empty tuples filter nothing. Globs are gitignore's; `branches` of a change means its target."""

    events: tuple[Occasion, ...] = (Occasion.PUSH, Occasion.PULL_REQUEST)
    branches: tuple[str, ...] = ()
    paths: tuple[str, ...] = ()
    paths_ignore: tuple[str, ...] = ()
    """A change of only such files does not count."""
    labels: tuple[str, ...] = ()
    """One label of the change that matches is enough."""
    schedule: Schedule | None = None
    manual: bool = False
    """The suite waits until somebody starts it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """When a service can be used: exactly one of the first three is set."""

    tcp: int | None = None
    """A port that takes connections."""
    http: str | None = None
    """`PORT/PATH` that answers with a status below 400."""
    command: str | None = None
    """Shell command in the service's container that ends with 0."""
    within: int = 30
    """Seconds; later it counts as failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Service:
    """A side container that the run reaches under its name."""

    name: str
    image: str
    env: Mapping[str, str] = field(default_factory=dict)
    command: str | None = None
    memory: int | None = None
    """Bytes."""
    ready: Ready | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Reports:
    """Globs of the files with results that the run promises to write."""

    junit: tuple[str, ...] = ()
    tap: tuple[str, ...] = ()
    coverage: tuple[str, ...] = ()
    sarif: tuple[str, ...] = ()
    optional: bool = False
    """Nothing fails when they are missing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Artifacts:
    paths: tuple[str, ...]
    store: Store = Store.ALWAYS
    keep: int = 30 * 86400
    """Seconds."""
    link: str = ""
    """The file that the check links to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cache:
    key: str
    """May still hold `${{ files:GLOB }}`, which stands for the digest of these files."""
    paths: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarantine:
    """Tests whose failures do not count up to and on that day."""

    tests: tuple[str, ...]
    """Globs of their names: `*` is any text, `?` any character."""
    issue: str
    """Address of where they are worked on."""
    until: date


@dataclass(frozen=True, slots=True, kw_only=True)
class Suite:
    """One cell and one shard of a suite of the file; without matrix and shards there is one of them."""

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
    description: str = ""
    cell: tuple[tuple[str, str], ...] = ()
    """The matrix' values of this cell as (axis, text), in the order of the file."""
    shard: int = 1
    shards: int = 1
    cpus: float | None = None
    memory: int | None = None
    """Bytes; like the others, None leaves it to the server."""
    disk: int | None = None
    """Bytes."""
    network: Network | None = None
    user: str = ""
    """Number of the user, `:` and that of the group may follow; never 0."""
    workdir: str = ""
    """Folder below the root of the commit."""
    needs: tuple[str, ...] = ()
    """Names of suites: all their cells must have passed."""
    runs_on: tuple[str, ...] = ()
    """Labels: only a worker that has all of them takes it."""
    retries: int = 0
    retry_select: str = ""
    """Script that runs just the tests that `ASSAY_TESTS` names, one a line; empty: there is no such way."""
    no_output_timeout: int | None = None
    """Seconds."""
    secrets: tuple[str, ...] = ()
    services: tuple[Service, ...] = ()
    reports: Reports | None = None
    artifacts: Artifacts | None = None
    cache: Cache | None = None
    annotations: int = 30
    """The most that its check carries."""
    quarantine: tuple[Quarantine, ...] = ()

    @property
    def cell_label(self) -> str:
        """What tells its cell from the others: `3.12, pg17`."""
        return ", ".join(text for _, text in self.cell)

    @property
    def is_manual(self) -> bool:
        """Nothing but a person starts it."""
        return self.when.manual or set(self.when.events) == {Occasion.MANUAL}

    @property
    def label(self) -> str:
        """What tells it from the suite's others: `3.12, pg17 2/3`."""
        shard = f"{self.shard}/{self.shards}" if self.shards > 1 else ""
        return " ".join(part for part in (self.cell_label, shard) if part)

    @property
    def key(self) -> str:
        """Unique in the file: `unit`, `unit (3.12, pg17 2/3)`."""
        return f"{self.name} ({self.label})" if self.label else self.name


class CommentWhen(enum.StrEnum):
    NEVER = "never"
    FAILURES = "failures"
    ALWAYS = "always"


class ChecksPer(enum.StrEnum):
    SUITE = "suite"
    CELL = "cell"


@dataclass(frozen=True, slots=True, kw_only=True)
class PullRequests:
    """How changes are talked to."""

    comment: CommentWhen = CommentWhen.FAILURES
    annotations: int = 30
    """The most of a check."""
    cancel_superseded: bool = True
    checks: ChecksPer = ChecksPer.SUITE


class Send(enum.StrEnum):
    CHANGES = "changes"
    FAILURES = "failures"
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Notify:
    """Which results go to a channel of the operator; no suites: all, no branches: the default branch."""

    channel: str
    branches: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    send: Send = Send.CHANGES


@dataclass(frozen=True, slots=True, kw_only=True)
class SuiteFile:
    path: str
    suites: tuple[Suite, ...]
    """Every cell and shard, in the order of the file."""
    drafts: bool = True
    """Drafts are built like other changes."""
    test_merge: bool = False
    """The change merged onto its target is tested, not its head."""
    pull_requests: PullRequests = field(default_factory=PullRequests)
    notify: tuple[Notify, ...] = ()
    warnings: tuple[Problem, ...] = ()
    """What is allowed but probably not meant."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What one container may use; memory, disk, file and log in bytes."""

    cpus: float = 2.0
    memory: int = 2 * GIB
    pids: int = 512
    disk: int = 10 * GIB
    file: int = 2 * GIB
    log: int = 50 * MIB


def limits_for(suite: Suite, usual: Limits, ceiling: Limits) -> Limits:
    """What the suite asks for, or what is usual, but never more than the operator's ceiling."""
    return Limits(
        cpus=min(suite.cpus or usual.cpus, ceiling.cpus),
        memory=min(suite.memory or usual.memory, ceiling.memory),
        pids=ceiling.pids,
        disk=min(suite.disk or usual.disk, ceiling.disk),
        file=min(suite.disk or usual.file, ceiling.disk),
        log=ceiling.log,
    )

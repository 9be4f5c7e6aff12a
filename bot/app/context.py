"""The one object that use cases get: every port, built once by `bot.bootstrap`."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import TypeVar

from bot.app.rights import KnownRights
from bot.domain.dialect import ALWAYS, GITHUB, Dialect
from bot.domain.errors import Gone, Refused
from bot.domain.own_rules import AS_EVERYWHERE, OwnRules
from bot.domain.plain import PLAIN
from bot.domain.quotas import UNBOUNDED, Quotas
from bot.domain.refs import ForgeName, Person, Repository
from bot.domain.runs import BuildId
from bot.domain.suites import GIB, Limits, Network, Suite, limits_for
from bot.domain.trust import ForkPolicy
from bot.domain.workers import Offer
from bot.ports.artifacts import Artifacts
from bot.ports.caches import Caches
from bot.ports.forge import Forge, Permission
from bot.ports.hosts import AppMaking, Hosts
from bot.ports.logs import Logs
from bot.ports.notices import Channel
from bot.ports.sandbox import Sandbox
from bot.ports.signin import SignIn
from bot.ports.signing import Signer
from bot.ports.source import Source
from bot.ports.store import UnitOfWork
from bot.ports.telemetry import NoTraces, Telemetry, Traces
from bot.ports.vault import Vault
from bot.ports.webhooks import Webhooks


@dataclass(frozen=True, slots=True, kw_only=True)
class Rules:
    """What the operator decides; durations in seconds."""

    lease: float = 60.0
    """A worker's hold on a run; renewed every quarter of it."""
    grace: float = 15.0
    """Waited beyond the lease before a run is taken from its worker."""
    timeout_max: int = 3 * 3600
    limits: Limits = field(default_factory=Limits)
    """Of a suite that asks for nothing else."""
    ceiling: Limits = field(default_factory=Limits)
    """No suite gets more."""
    network_trusted: Network = Network.INTERNET
    network_forks: Network = Network.NONE
    fork_policy: ForkPolicy = ForkPolicy.ALWAYS
    bare_commands: bool = True
    """`/retest` counts as well as `/assay retest`."""
    comments: bool = True
    """Results may be said in a comment, as suite files want it."""
    approval_age: float = 7 * 86400
    hard_age: float = 86400
    """Every run has ended by then, come what may."""
    give_up_reports: float = 86400
    progress_pause: float = 1.0
    """Progress is shown so much later, and not at all when something newer has come by then."""
    count_pause: float = 30.0
    """The same of how many tests have ended."""
    artifact_limit: int = GIB
    """Bytes that one run may leave."""
    cache_limit: int = 2 * GIB
    """Bytes of all caches of a repository."""
    cache_limit_all: int = 10 * GIB
    """Bytes of all caches on one machine."""
    retry_pauses: tuple[float, float] = (5.0, 30.0)
    """Before the second and the third attempt, where ours or the world's fault ended the one before."""
    admins: frozenset[str] = frozenset()
    """People who may see and do everything: `FORGE:NUMBER` or `FORGE:login` in lower case."""
    anonymous_read: bool = True
    """What belongs to public repositories is for everybody."""
    quotas: Quotas = UNBOUNDED
    images: tuple[tuple[str, ...], ...] = ()
    """Lists of globs; an image runs only if a glob of each list matches it."""

    def under(self, own: OwnRules) -> "Rules":
        """With what is set for one repository: never more than is allowed to all."""
        limits = Limits(
            cpus=least(self.ceiling.cpus, own.cpus_max),
            memory=least(self.ceiling.memory, own.memory_max),
            pids=least(self.ceiling.pids, own.pids_max),
            disk=least(self.ceiling.disk, own.disk_max),
            file=least(self.ceiling.file, own.disk_max),
            log=least(self.ceiling.log, own.log_limit),
        )
        return replace(
            self,
            ceiling=limits,
            timeout_max=least(self.timeout_max, own.timeout_max),
            artifact_limit=least(self.artifact_limit, own.artifact_limit),
            network_trusted=self.network_trusted.at_most(own.network_default or self.network_trusted),
            network_forks=self.network_forks.at_most(own.network_forks or self.network_forks),
            fork_policy=own.fork_policy or self.fork_policy,
            bare_commands=self.bare_commands and own.bare_commands is not False,
            comments=self.comments and own.comments is not False,
            quotas=own.quotas.within(self.quotas),
            images=(*self.images, own.images_allowed) if own.images_allowed else self.images,
        )


_Amount = TypeVar("_Amount", int, float)


def least(ceiling: _Amount, own: _Amount | None) -> _Amount:
    return ceiling if own is None else min(ceiling, own)


def no_channel(_: str) -> Channel:
    raise Refused("repositories can't have channels of their own here")


@dataclass(frozen=True, slots=True, kw_only=True)
class App:
    forges: Mapping[ForgeName, Forge]
    work: Callable[[], UnitOfWork]
    sandbox: Sandbox
    source: Source
    logs: Logs
    artifacts: Artifacts
    caches: Caches
    vault: Vault
    signer: Signer
    telemetry: Telemetry
    now: Callable[[], datetime]
    monotonic: Callable[[], float]
    sleep: Callable[[float], None]
    new_id: Callable[[], str]
    url: str
    """ASSAY_URL without a slash at its end."""
    owner: str
    """Names this process in leases and the audit: `PLACE/NUMBER:CHANCE`, of which chance tells it from the one that
    had place and number before."""
    rules: Rules = field(default_factory=Rules)
    plain: Forge | None = None
    """Stands for a forge where repositories are just git's; None: none are allowed."""
    webhooks: Mapping[ForgeName, Webhooks] = field(default_factory=dict)
    """Of the forges where webhooks can be made."""
    polled: frozenset[ForgeName] = frozenset()
    """Forges whose webhooks can't reach us, so that we ask."""
    channels: Mapping[str, Channel] = field(default_factory=dict)
    """Where notices go, by the names that suite files use."""
    open_channel: Callable[[str], Channel] = no_channel
    """One that a repository has of its own, by its address. Raises: Refused; Unavailable: its host has no address."""
    sign_ins: Mapping[ForgeName, SignIn] = field(default_factory=dict)
    """Where people can sign in."""
    hosts: Hosts | None = None
    """Where forges are set up while the server runs."""
    making: AppMaking | None = None
    offer: Offer | None = None
    """What this process can run; None: it has no engine."""
    hindrance: Callable[[str], str] = lambda _: ""
    """Why a server of ours can't be reached at an address from here; nothing when it answers."""
    rights: KnownRights = field(default_factory=KnownRights)
    traces: Traces = field(default_factory=NoTraces)

    @property
    def place(self) -> str:
        """Where this process is: all at one place share the engine and the folders of its runs."""
        return self.owner.partition("/")[0]

    @property
    def process(self) -> str:
        """Place and number: no two living processes have the same."""
        return self.owner.rpartition(":")[0]

    @property
    def worker(self) -> str:
        """As people know this process, where it runs suites."""
        return self.offer.name if self.offer else self.process

    def forge(self, name: ForgeName) -> Forge:
        if name == PLAIN and self.plain is not None:
            return self.plain
        if name not in self.forges:
            raise Gone(f"no forge called {name} is set up")
        return self.forges[name]

    def under(self, own: OwnRules) -> "App":
        """For what concerns one repository."""
        return self if own == AS_EVERYWHERE else replace(self, rules=self.rules.under(own))

    def limits_of(self, suite: Suite) -> Limits:
        return limits_for(suite, self.rules.limits, self.rules.ceiling)

    def forge_of(self, repository: Repository) -> Forge:
        return self.forge(repository.forge)

    def known_permission(self, repository: Repository, person: Person) -> Permission:
        """As it was a minute ago at the latest: for showing, never for acting. Raises: what Forge.permission does."""
        return self.rights.of(self.forge_of(repository), repository, person, self.monotonic())

    def dialect_of(self, repository: Repository) -> Dialect:
        """With the form of commands that is understood here."""
        forge = self.forges.get(repository.forge)
        dialect = forge.dialect if forge else GITHUB
        return dialect if self.rules.bare_commands else replace(dialect, prefix=ALWAYS)

    def build_url(self, build: BuildId) -> str:
        return f"{self.url}/b/{build}"

    def suite_url(self, build: BuildId, suite: str) -> str:
        return f"{self.url}/b/{build}/{suite}"

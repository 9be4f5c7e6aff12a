"""The store: the only truth. One unit of work is one transaction.

Everything here may raise StoreBusy (locked, out of reach, disk full).
Times that are compared with each other across machines (leases, due times) use the database's own clock.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Protocol, Self

from bot.domain.own_rules import OwnRules
from bot.domain.quotas import UNBOUNDED, Crowd, Quotas
from bot.domain.refs import ForgeName, Repository, RepositoryId, RepositorySeen, Sha
from bot.domain.runs import Build, BuildId, Group, Progress, Reason, Run, RunId, RunState
from bot.domain.workers import Room
from bot.ports.artifacts import ArtifactTable
from bot.ports.bisections import Bisections
from bot.ports.catalog import Catalog
from bot.ports.deliveries import Deliveries
from bot.ports.figures import FigureTable
from bot.ports.hosts import SetupKeys, StoredHosts
from bot.ports.ledger import Approvals, Audit, Calls, Conversations, Leases, Sessions, Tickets, Tokens
from bot.ports.notices import Notices, OwnChannels
from bot.ports.queue import Task
from bot.ports.reports import Reports
from bot.ports.results import ResultTable
from bot.ports.schedules import Schedules
from bot.ports.signing import SigningKeys
from bot.ports.vault import Secrets
from bot.ports.webhooks import Hooks
from bot.ports.workers import Workers


class Repositories(Protocol):
    def see(self, seen: RepositorySeen) -> Repository:
        """The repository with that forge id, made on first sight. Names of a known one are not changed."""

    def update(self, seen: RepositorySeen) -> Repository:
        """Write name, owner, addresses and installation of the repository with that forge id."""

    def get(self, repository: RepositoryId) -> Repository:
        """Raises: Gone."""

    def find(self, forge: ForgeName, path: str) -> Repository | None:
        """By its present name, in any letter case."""

    def known(
        self, limit: int, *, after: RepositoryId | None = None, public_only: bool = True
    ) -> Sequence[Repository]:
        """In the order in which they were first seen."""

    def own_rules(self, repository: RepositoryId) -> OwnRules:
        """What is set for it; nothing unless somebody did."""

    def set_own_rules(self, repository: RepositoryId, rules: OwnRules) -> None: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class Sought:
    """What a list of builds or runs shall hold; None and nothing: all."""

    repositories: tuple[RepositoryId, ...] | None = None
    branch: str = ""
    """Or tag; of a change its source branch."""
    sha: str = ""
    suite: str = ""
    """Its name, all cells."""


ALL: Final = Sought()


class Builds(Protocol):
    def hold(self, repository: RepositoryId, sha: Sha) -> None:
        """Until this work ends nobody else holds the commit: two builds of it would not see each other's runs."""

    def add(self, build: Build) -> Build | None:
        """Store it and give it its number (`id` of the argument is ignored); None when the key is taken."""

    def get(self, build: BuildId) -> Build:
        """Raises: Gone."""

    def by_key(self, key: str) -> Build | None: ...

    def of_change(self, repository: RepositoryId, change: int) -> Sequence[Build]:
        """Newest first."""

    def unfinished_of_change(self, repository: RepositoryId, change: int) -> Sequence[Build]:
        """Those that have unfinished runs, newest first."""

    def counting(self, run: RunId) -> Sequence[Build]:
        """Those that count the run among theirs."""

    def of_branch(self, repository: RepositoryId, branch: str) -> Sequence[Build]:
        """Builds of pushes to it that have unfinished runs."""

    def finished_before(self, build: Build) -> Build | None:
        """The newest earlier one of the same branch of which every run has ended by itself."""

    def newest_push(self, repository: RepositoryId, branch: str) -> Build | None: ...

    def of_repository(
        self, repository: RepositoryId, limit: int, *, before: BuildId | None = None, ref: str | None = None
    ) -> Sequence[Build]:
        """Newest first; `before`: only those with a smaller number, `ref`: only those of that branch or tag."""

    def at(self, repository: RepositoryId, sha: Sha) -> Sequence[Build]:
        """All of that commit, newest first; without those of a bisection."""

    def recent(
        self, limit: int, *, before: BuildId | None = None, public_only: bool = True, sought: Sought = ALL
    ) -> Sequence[Build]:
        """Newest first."""

    def share(self, build: BuildId, run: RunId) -> None:
        """Count a run of another build of this commit among this one's."""


class Runs(Protocol):
    def add(self, run: Run) -> None:
        """Store it as one of its build's, in its state; writes its first event."""

    def get(self, run: RunId) -> Run:
        """Raises: Gone."""

    def of_build(self, build: BuildId) -> Sequence[Run]:
        """Its own and shared ones, in the order of the suite file."""

    def of_commit(self, repository: RepositoryId, sha: Sha) -> Sequence[Run]:
        """Oldest first; without those of a bisection, which speak for nothing else."""

    def latest_at(self, repository: RepositoryId, sha: Sha, suite: str) -> Run | None:
        """The newest that is not skipped, else the newest; none of a bisection. `suite`: its key, of one cell."""

    def recent(
        self, limit: int, *, before: RunId | None = None, public_only: bool = True, sought: Sought = ALL
    ) -> Sequence[Run]:
        """Newest first; after that one, nothing where there is no such run."""

    def claim(self, run: RunId, owner: str, lease: float, quotas: Quotas = UNBOUNDED) -> Run | None:
        """Take a queued run: state preparing, fence and attempt one higher, leased for `lease` seconds.

        None when it isn't queued any more, shall be cancelled, or `quotas` and those of its repository hold it.
        """

    def waited(self, run: Run) -> float:
        """Seconds from when it could be claimed to its present claim."""

    def take_over(self, run: Run, state: RunState, owner: str, lease: float) -> Run | None:
        """A claimed run in the same attempt, with another owner and a higher fence; None when it has moved on."""

    def taken_over(self, run: Run) -> int:
        """How often that happened to its present attempt."""

    def renew(self, run: RunId, fence: int, lease: float) -> Run | None:
        """Lengthen the lease; the run as it is now, or None when it has another fence or is finished."""

    def save(self, before: Run, after: Run, actor: str, *, pause: float = 0) -> bool:
        """Write `after` if state and fence are still those of `before`; False and no effect otherwise.

        Adds an event. Refuses (IllegalMove) what domain.runs.MOVES doesn't know. Going back to queued raises the
        fence, so that whoever held the run can't write any more; it is also False when the store has a `cancel`:
        get the run again and end it. What is queued can be claimed after `pause` seconds, a minute at most.
        """

    def keep_groups(self, run: RunId, fence: int, groups: tuple[Group, ...]) -> bool:
        """While it runs; False and no effect when it has another fence or is finished."""

    def keep_progress(self, run: RunId, fence: int, progress: Progress) -> bool:
        """The same; its next move forgets it."""

    def ask_to_end(self, run: RunId, reason: Reason, note: str) -> bool:
        """Set `cancel` of a claimed run; False if it isn't claimed or `cancel` is set already."""

    def whose_turn(self, room: Room | None = None, quotas: Quotas = UNBOUNDED) -> RunId | None:
        """Of those that may be claimed under `quotas` and that fit: of the repository with the fewest claimed ones.

        Within it what people wait for, then what was pushed, then what was scheduled; the oldest of these. What has
        waited for a minute and would fit an idle worker holds up what comes after it: it is not passed for ever.
        """

    def queued(self, limit: int, quotas: Quotas | None = None) -> Sequence[RunId]:
        """Those that may be claimed under `quotas`; None: those that quotas or a pause hold as well.

        Oldest first.
        """

    def crowd(self, repository: RepositoryId, *, of: int | None = None) -> Crowd:
        """Of the repository; `of`: only those of untrusted changes of that author (the forge's number)."""

    def blocked_at(self, repository: RepositoryId, sha: Sha) -> Sequence[Run]:
        """Queued runs of that commit that wait for what they need."""

    def commits_with_blocked(self, limit: int) -> Sequence[tuple[RepositoryId, Sha]]:
        """Those that have such runs; the longest blocked first."""

    def unblock(self, run: RunId) -> bool:
        """What a queued run needed has passed: it may be claimed from now on. False if it isn't blocked."""

    def expired(self, grace: float, *, at: str = "", not_at: str | None = None) -> Sequence[Run]:
        """Claimed runs whose lease ended more than `grace` seconds ago.

        Of owners whose names begin with `at`, and not with `not_at`.
        """

    def held(self, by: str) -> Sequence[Run]:
        """Claimed runs of owners whose names begin so, whatever their leases."""

    def overdue(self, age: float) -> Sequence[Run]:
        """Unfinished runs, except those that wait for approval, made (or approved) more than `age` seconds ago."""

    def waiting(self, age: float) -> Sequence[Run]:
        """Runs that have waited for approval for more than `age` seconds."""

    def waiting_builds(self) -> Sequence[tuple[BuildId, RepositoryId]]:
        """Those of which runs wait for approval; the oldest first."""

    def live(self) -> Sequence[tuple[RunId, int, int]]:
        """(run, attempt, fence) of every claimed run: what may have containers."""

    def by_owner(self) -> Sequence[tuple[str, Run]]:
        """Every claimed run with its owner, by owner."""

    def queue_length(self) -> int: ...

    def place(self, run: RunId) -> int | None:
        """How many start before it if nothing ends meanwhile: repositories take turns, as `whose_turn` says.

        None: it is not among those that may be claimed.
        """

    def times(self, run: Run, branch: str, limit: int) -> Sequence[float]:
        """Seconds that the last whole passes of its suite and cell took on pushes to the branch; newest first.

        The run itself does not count, and nobody looks further back than some hundred runs.
        """

    def last_passed(self, run: Run, branch: str) -> Run | None:
        """The newest whole pass of its suite and cell on pushes to the branch, as for `times`."""

    def events(self, run: RunId) -> Sequence["RunEvent"]:
        """Oldest first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEvent:
    seq: int
    before: RunState | None
    after: RunState
    actor: str
    at: float
    """Seconds since 1970."""
    detail: str


class UnitOfWork(Protocol):
    """`with app.work() as work:` commits at the end and rolls back on an exception."""

    @property
    def deliveries(self) -> Deliveries: ...
    @property
    def repositories(self) -> Repositories: ...
    @property
    def builds(self) -> Builds: ...
    @property
    def runs(self) -> Runs: ...
    @property
    def reports(self) -> Reports: ...
    @property
    def approvals(self) -> Approvals: ...
    @property
    def conversations(self) -> Conversations: ...
    @property
    def audit(self) -> Audit: ...
    @property
    def tokens(self) -> Tokens: ...
    @property
    def notices(self) -> Notices: ...
    @property
    def own_channels(self) -> OwnChannels: ...
    @property
    def tickets(self) -> Tickets: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def signing_keys(self) -> SigningKeys: ...
    @property
    def calls(self) -> Calls: ...
    @property
    def secrets(self) -> Secrets: ...
    @property
    def artifacts(self) -> ArtifactTable: ...
    @property
    def schedules(self) -> Schedules: ...
    @property
    def hooks(self) -> Hooks: ...
    @property
    def hosts(self) -> StoredHosts: ...
    @property
    def setup_keys(self) -> SetupKeys: ...
    @property
    def bisections(self) -> Bisections: ...
    @property
    def results(self) -> ResultTable: ...
    @property
    def catalog(self) -> Catalog: ...
    @property
    def workers(self) -> Workers: ...
    @property
    def figures(self) -> FigureTable: ...
    @property
    def leases(self) -> Leases: ...

    def clock(self) -> float:
        """The database's, in seconds since 1970."""

    def send(self, task: Task, *, delay: float = 0) -> None:
        """Hand a hint to the queue after the commit; `delay` in seconds."""

    def at_end(self, key: tuple[int | float | str, ...], do: Callable[[], None]) -> None:
        """The last thing before the commit, once for each key and in the order of keys.

        Rows that many take are taken so: in one order, after all others, nobody waits for whoever waits for him.
        """

    def __enter__(self) -> Self: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...

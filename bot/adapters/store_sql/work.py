"""The unit of work: one transaction, and the hints that go out after it."""

from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Protocol, Self

import sqlalchemy as sa
import structlog

from bot.adapters.store_sql.artifacts import SqlArtifacts
from bot.adapters.store_sql.bisections import SqlBisections
from bot.adapters.store_sql.builds import SqlBuilds
from bot.adapters.store_sql.catalog import SqlCatalog
from bot.adapters.store_sql.deliveries import SqlDeliveries
from bot.adapters.store_sql.dialects import DatabaseNow
from bot.adapters.store_sql.engine import connect
from bot.adapters.store_sql.figures import SqlFigures
from bot.adapters.store_sql.hooks import SqlHooks
from bot.adapters.store_sql.hosts import SqlHosts, SqlSetupKeys
from bot.adapters.store_sql.ledger import SqlApprovals, SqlAudit, SqlConversations, SqlLeases
from bot.adapters.store_sql.notices import SqlNotices
from bot.adapters.store_sql.own_channels import SqlOwnChannels
from bot.adapters.store_sql.reports import SqlReports
from bot.adapters.store_sql.repositories import SqlRepositories
from bot.adapters.store_sql.results import SqlResults
from bot.adapters.store_sql.runs import SqlRuns
from bot.adapters.store_sql.schedules import SqlSchedules
from bot.adapters.store_sql.secrets import SqlSecrets
from bot.adapters.store_sql.sessions import SqlSessions
from bot.adapters.store_sql.signing_keys import SqlSigningKeys
from bot.adapters.store_sql.tickets import SqlTickets
from bot.adapters.store_sql.tokens import SqlCalls, SqlTokens
from bot.adapters.store_sql.workers import SqlWorkers
from bot.domain.errors import StoreBusy
from bot.ports.queue import Task

log = structlog.get_logger()


class Send(Protocol):
    """Hands a hint to the queue; `delay` in seconds."""

    def __call__(self, task: Task, *, delay: float = 0) -> None: ...


class SqlWork:
    """A unit of work for one use."""

    def __init__(self, engine: sa.Engine, send: Send) -> None:
        self._engine = engine
        self._send = send
        self._hints: list[tuple[Task, float]] = []
        self._last: dict[tuple[int | float | str, ...], Callable[[], None]] = {}

    def __enter__(self) -> Self:
        self._connection = connect(self._engine)
        try:
            self._connection.begin()
        except BaseException:
            self._connection.close()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._connection:
            if kind is None:
                for key in sorted(self._last):
                    self._last[key]()
                self._connection.commit()
            else:
                # Nothing was written if the database is out of reach; the first error is the one to tell.
                with suppress(StoreBusy):
                    self._connection.rollback()
                return
        for task, delay in self._hints:
            self._hint(task, delay)

    def clock(self) -> float:
        return self._connection.execute(sa.select(DatabaseNow())).scalar_one()

    def send(self, task: Task, *, delay: float = 0) -> None:
        self._hints.append((task, delay))

    def at_end(self, key: tuple[int | float | str, ...], do: Callable[[], None]) -> None:
        self._last[key] = do

    def _hint(self, task: Task, delay: float) -> None:
        try:
            self._send(task, delay=delay)
        except Exception as error:  # noqa: BLE001  # what is committed must not look failed; the sweeper hints again
            log.warning("store.hint_lost", task=type(task).__name__, error=repr(error))

    @property
    def deliveries(self) -> SqlDeliveries:
        return SqlDeliveries(self._connection)

    @property
    def repositories(self) -> SqlRepositories:
        return SqlRepositories(self._connection)

    @property
    def builds(self) -> SqlBuilds:
        return SqlBuilds(self._connection)

    @property
    def runs(self) -> SqlRuns:
        return SqlRuns(self._connection)

    @property
    def reports(self) -> SqlReports:
        return SqlReports(self._connection)

    @property
    def approvals(self) -> SqlApprovals:
        return SqlApprovals(self._connection)

    @property
    def conversations(self) -> SqlConversations:
        return SqlConversations(self._connection)

    @property
    def audit(self) -> SqlAudit:
        return SqlAudit(self._connection)

    @property
    def tokens(self) -> SqlTokens:
        return SqlTokens(self._connection)

    @property
    def notices(self) -> SqlNotices:
        return SqlNotices(self._connection)

    @property
    def own_channels(self) -> SqlOwnChannels:
        return SqlOwnChannels(self._connection)

    @property
    def tickets(self) -> SqlTickets:
        return SqlTickets(self._connection)

    @property
    def sessions(self) -> SqlSessions:
        return SqlSessions(self._connection)

    @property
    def calls(self) -> SqlCalls:
        return SqlCalls(self._connection)

    @property
    def secrets(self) -> SqlSecrets:
        return SqlSecrets(self._connection)

    @property
    def artifacts(self) -> SqlArtifacts:
        return SqlArtifacts(self._connection)

    @property
    def signing_keys(self) -> SqlSigningKeys:
        return SqlSigningKeys(self._connection)

    @property
    def schedules(self) -> SqlSchedules:
        return SqlSchedules(self._connection)

    @property
    def hooks(self) -> SqlHooks:
        return SqlHooks(self._connection)

    @property
    def hosts(self) -> SqlHosts:
        return SqlHosts(self._connection)

    @property
    def setup_keys(self) -> SqlSetupKeys:
        return SqlSetupKeys(self._connection)

    @property
    def bisections(self) -> SqlBisections:
        return SqlBisections(self._connection)

    @property
    def results(self) -> SqlResults:
        return SqlResults(self._connection)

    @property
    def catalog(self) -> SqlCatalog:
        return SqlCatalog(self._connection)

    @property
    def workers(self) -> SqlWorkers:
        return SqlWorkers(self._connection)

    @property
    def figures(self) -> SqlFigures:
        return SqlFigures(self._connection)

    @property
    def leases(self) -> SqlLeases:
        return SqlLeases(self._connection)

"""How much waits: a few counts over what is unfinished, each of which an index answers."""

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow
from bot.adapters.store_sql.tables import UNFINISHED, UNSENT, delivery, report, run
from bot.domain.runs import RunState
from bot.ports.deliveries import DeliveryStatus
from bot.ports.figures import Figures


class SqlFigures:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def now(self) -> Figures:
        states = sa.select(run.c.state, run.c.blocked, sa.func.count())
        states = states.where(run.c.state.in_(UNFINISHED)).group_by(run.c.state, run.c.blocked)
        counts, blocked = dict.fromkeys(UNFINISHED, 0), 0
        for state, is_blocked, count in self._connection.execute(states):
            if is_blocked and state is RunState.QUEUED:
                blocked += count
            else:
                counts[state] += count
        _, oldest_run = self._waiting(run.c.free_at, run.c.state == RunState.QUEUED, sa.not_(run.c.blocked))
        deliveries = self._waiting(delivery.c.received_at, delivery.c.status == DeliveryStatus.RECEIVED)
        reports = self._waiting(report.c.unsent_since, UNSENT)
        return Figures(
            runs=counts,
            blocked=blocked,
            oldest_run=oldest_run,
            deliveries=deliveries[0],
            oldest_delivery=deliveries[1],
            reports=reports[0],
            oldest_report=reports[1],
        )

    def _waiting(self, since: sa.Column[float], *conditions: sa.ColumnElement[bool]) -> tuple[int, float]:
        """How many, and the age of the oldest."""
        query = sa.select(sa.func.count(), DatabaseNow() - sa.func.min(since)).where(*conditions)
        count, age = self._connection.execute(query).one()
        return count, max(0.0, age or 0.0)

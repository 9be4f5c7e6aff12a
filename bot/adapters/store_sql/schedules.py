"""When suites are due by their schedule."""

from collections.abc import Sequence
from datetime import datetime

import sqlalchemy as sa

from bot.adapters.store_sql.tables_schedules import schedule as table
from bot.domain.refs import RepositoryId
from bot.domain.suites import Schedule
from bot.ports.schedules import Planned


class SqlSchedules:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def of_repository(self, repository: RepositoryId) -> Sequence[Planned]:
        query = sa.select(table).where(table.c.repository == repository).order_by(table.c.suite)
        return [
            Planned(suite=row.suite, schedule=Schedule(cron=row.cron, timezone=row.timezone), due_at=row.due_at)
            for row in self._connection.execute(query)
        ]

    def replace(self, repository: RepositoryId, planned: Sequence[Planned]) -> None:
        self._connection.execute(sa.delete(table).where(table.c.repository == repository))
        rows = [
            {
                "repository": repository,
                "suite": one.suite,
                "cron": one.schedule.cron,
                "timezone": one.schedule.timezone,
                "due_at": one.due_at,
            }
            for one in planned
        ]
        if rows:
            self._connection.execute(sa.insert(table), rows)

    def due(self, now: datetime, limit: int) -> Sequence[RepositoryId]:
        first = sa.func.min(table.c.due_at)
        query = sa.select(table.c.repository).where(table.c.due_at <= now).group_by(table.c.repository)
        return self._connection.execute(query.order_by(first).limit(limit)).scalars().all()

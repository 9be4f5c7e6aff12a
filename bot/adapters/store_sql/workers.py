"""Workers: each tells the store that it is there; what it holds, the runs know."""

from collections.abc import Sequence
from typing import Any, Final

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.rows import joined, needs_of_row, split
from bot.adapters.store_sql.tables import CLAIMED, run
from bot.adapters.store_sql.tables_workers import worker as table
from bot.domain import workers
from bot.domain.suites import Limits
from bot.domain.workers import Room, Worker

_FORGOTTEN: Final = 30 * 86400.0
"""Seconds after which one that has gone and is not drained leaves no row."""
_IS_LIVE: Final = (table.c.until > DatabaseNow()).label("is_live")


class SqlWorkers:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def announce(self, worker: Worker, seconds: float) -> Worker:
        old = sa.and_(table.c.until < DatabaseNow() - _FORGOTTEN, sa.not_(table.c.draining))
        self._connection.execute(sa.delete(table).where(old))
        facts = {
            "name": worker.name,
            "labels": joined(worker.labels),
            "slots": worker.slots,
            "cpus": worker.cpus,
            "memory": worker.memory,
            "until": DatabaseNow() + seconds,
        }
        row = insert(self._connection, table).values(process=worker.process, draining=worker.draining, **facts)
        row = row.on_conflict_do_update(index_elements=["process"], set_=facts)
        return _worker_of(self._connection.execute(row.returning(table, _IS_LIVE)).one())

    def leave(self, process: str) -> None:
        gone = sa.update(table).where(table.c.process == process)
        self._connection.execute(gone.values(until=DatabaseNow()))

    def room(self, process: str, ceiling: Limits) -> Room | None:
        query = sa.select(table, _IS_LIVE).where(table.c.process == process)
        row = self._connection.execute(query.with_for_update()).one_or_none()
        if row is None:
            return None
        its = run.c.owner.startswith(f"{process}:", autoescape=True)
        held = sa.select(run.c.runs_on, run.c.cpus, run.c.memory).where(run.c.state.in_(CLAIMED), its)
        needs = [needs_of_row(*one) for one in self._connection.execute(held)]
        return workers.room(_worker_of(row), needs, ceiling)

    def every(self) -> Sequence[Worker]:
        query = sa.select(table, _IS_LIVE).where(sa.or_(table.c.until > DatabaseNow(), table.c.draining))
        return [_worker_of(row) for row in self._connection.execute(query.order_by(table.c.name, table.c.process))]

    def drain(self, name: str, *, draining: bool) -> Sequence[Worker]:
        place = table.c.process.startswith(f"{name}/", autoescape=True)
        those = sa.or_(table.c.name == name, table.c.process == name, place)
        row = sa.update(table).where(those).values(draining=draining).returning(table, _IS_LIVE)
        return sorted(map(_worker_of, self._connection.execute(row)), key=lambda one: one.process)


def _worker_of(row: sa.Row[Any]) -> Worker:
    return Worker(
        process=row.process,
        name=row.name,
        labels=split(row.labels),
        slots=row.slots,
        cpus=row.cpus,
        memory=row.memory,
        draining=row.draining,
        is_live=row.is_live,
    )

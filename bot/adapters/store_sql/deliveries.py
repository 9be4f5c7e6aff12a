"""The inbox of webhook calls."""

import zlib
from collections.abc import Mapping, Sequence
from typing import Any, Final

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import INSERTS, DatabaseNow
from bot.adapters.store_sql.tables import delivery as table
from bot.domain.refs import ForgeName
from bot.ports.deliveries import DeliveryStatus, StoredDelivery

_IS_UNFINISHED: Final = table.c.status.in_((DeliveryStatus.RECEIVED, DeliveryStatus.FAILED))
_DUE: Final = (
    table.c.status == DeliveryStatus.RECEIVED,
    table.c.due_at <= DatabaseNow(),
    sa.or_(table.c.lease_until.is_(None), table.c.lease_until <= DatabaseNow()),
)
# Built once: this statement is what a webhook waits for.
_ADD: Final = {
    name: insert(table)
    .values(attempts=0, received_at=DatabaseNow(), due_at=DatabaseNow())
    .on_conflict_do_nothing(index_elements=["forge", "key"])
    .returning(table.c.id)
    for name, insert in INSERTS.items()
}
_FAST: Final = 1
"""zlib's level; JSON shrinks to a fifth even so."""


class SqlDeliveries:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(
        self, forge: ForgeName, key: str, name: str, payload: bytes, *, ignored: str | None = None, trace: str = ""
    ) -> tuple[int, bool]:
        status = {
            "status": DeliveryStatus.RECEIVED if ignored is None else DeliveryStatus.IGNORED,
            "reason": ignored or "",
            "payload": zlib.compress(payload, _FAST) if ignored is None else None,
        }
        row = {"forge": forge, "key": key, "name": name, "trace": trace, **status}
        made: int | None = self._connection.execute(_ADD[self._connection.dialect.name], row).scalar()
        if made is None:
            return self._again(sa.and_(table.c.forge == forge, table.c.key == key), status)
        return made, True

    def _again(self, is_it: sa.ColumnElement[bool], status: Mapping[str, Any]) -> tuple[int, bool]:
        """Its key is taken: the constraint said so, whoever else adds it at this moment."""
        revived = {
            **status,
            "payload": sa.func.coalesce(table.c.payload, status["payload"]),
            "attempts": sa.case((table.c.status == DeliveryStatus.FAILED, 0), else_=table.c.attempts),
            "due_at": DatabaseNow(),
        }
        revive = sa.update(table).where(is_it, _IS_UNFINISHED).values(**revived).returning(table.c.id)
        again: int | None = self._connection.execute(revive).scalar()
        if again is None:
            return self._connection.execute(sa.select(table.c.id).where(is_it)).scalar_one(), False
        return again, status["status"] is DeliveryStatus.RECEIVED

    def knows(self, forge: ForgeName, key: str) -> bool:
        is_it = sa.and_(table.c.forge == forge, table.c.key == key, table.c.status != DeliveryStatus.FAILED)
        return self._connection.execute(sa.select(table.c.id).where(is_it)).first() is not None

    def claim(self, delivery: int, lease: float) -> StoredDelivery | None:
        take = sa.update(table).where(table.c.id == delivery, *_DUE)
        take = take.values(lease_until=DatabaseNow() + lease, attempts=table.c.attempts + 1)
        row = self._connection.execute(
            take.returning(table, (DatabaseNow() - table.c.received_at).label("age"))
        ).one_or_none()
        if row is None:
            return None
        return StoredDelivery(
            id=row.id,
            forge=row.forge,
            key=row.key,
            name=row.name,
            payload=zlib.decompress(row.payload),
            status=row.status,
            reason=row.reason,
            attempts=row.attempts,
            age=row.age,
            trace=row.trace,
        )

    def finish(self, delivery: int, status: DeliveryStatus, reason: str) -> None:
        self._write(delivery, status=status, reason=reason, finished_at=DatabaseNow(), lease_until=None)

    def postpone(self, delivery: int, seconds: float, reason: str, *, is_try: bool = True) -> None:
        attempts = table.c.attempts if is_try else table.c.attempts - 1
        self._write(delivery, due_at=DatabaseNow() + seconds, reason=reason, attempts=attempts, lease_until=None)

    def _write(self, delivery: int, **values: object) -> None:
        is_unfinished = table.c.status == DeliveryStatus.RECEIVED
        self._connection.execute(sa.update(table).where(table.c.id == delivery, is_unfinished).values(**values))

    def due(self, limit: int) -> Sequence[int]:
        query = sa.select(table.c.id).where(*_DUE).order_by(table.c.due_at, table.c.id).limit(limit)
        return self._connection.execute(query).scalars().all()

    def prune(self, older_than: float) -> int:
        is_finished = table.c.status != DeliveryStatus.RECEIVED
        is_old = sa.and_(table.c.finished_at < DatabaseNow() - older_than, table.c.payload.is_not(None))
        return self._connection.execute(sa.update(table).where(is_finished, is_old).values(payload=None)).rowcount

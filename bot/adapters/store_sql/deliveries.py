"""The inbox of webhook calls."""

import zlib
from collections.abc import Sequence
from functools import cache
from typing import Final

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables import delivery
from bot.domain.refs import ForgeName
from bot.ports.store import DeliveryStatus, StoredDelivery

_UNFINISHED: Final = (DeliveryStatus.RECEIVED, DeliveryStatus.FAILED)
_FAST: Final = 1
"""zlib's level: a webhook is answered after this, and JSON shrinks to a fifth even so."""


class SqlDeliveries:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(
        self, forge: ForgeName, key: str, name: str, payload: bytes, *, ignored: str | None = None
    ) -> tuple[int, bool]:
        row = {
            "forge": forge,
            "key": key,
            "name": name,
            "status": DeliveryStatus.RECEIVED if ignored is None else DeliveryStatus.IGNORED,
            "reason": ignored or "",
            "payload": zlib.compress(payload, _FAST) if ignored is None else None,
        }
        made = self._connection.execute(_insertion(self._connection.dialect.name, ignored is None), row).scalar()
        return (int(made), True) if made is not None else self._again(row)

    def _again(self, row: dict[str, object]) -> tuple[int, bool]:
        """The key is there already; the constraint said so, whoever else adds it at this moment."""
        is_it = sa.and_(delivery.c.forge == row["forge"], delivery.c.key == row["key"])
        unfinished = sa.and_(is_it, delivery.c.status.in_(_UNFINISHED))
        revive = sa.update(delivery).where(unfinished).values(**_fresh(row)).returning(delivery.c.id)
        if (revived := self._connection.execute(revive).scalar()) is not None:
            return int(revived), True
        return self._connection.execute(sa.select(delivery.c.id).where(is_it)).scalar_one(), False

    def claim(self, delivery: int, lease: float) -> StoredDelivery | None:
        t = _table
        due = sa.and_(t.c.id == delivery, *_due())
        take = sa.update(t).where(due).values(lease_until=DatabaseNow() + lease, attempts=t.c.attempts + 1)
        row = self._connection.execute(take.returning(t)).one_or_none()
        if row is None:
            return None
        return StoredDelivery(
            id=row.id,
            forge=row.forge,
            key=row.key,
            name=row.name,
            payload=zlib.decompress(row.payload or _NOTHING),
            status=row.status,
            reason=row.reason,
            attempts=row.attempts,
        )

    def finish(self, delivery: int, status: DeliveryStatus, reason: str) -> None:
        self._write(delivery, status=status, reason=reason, finished_at=DatabaseNow(), lease_until=None)

    def postpone(self, delivery: int, seconds: float, reason: str) -> None:
        self._write(delivery, due_at=DatabaseNow() + seconds, reason=reason, lease_until=None)

    def _write(self, delivery: int, **values: object) -> None:
        is_received = _table.c.status == DeliveryStatus.RECEIVED
        self._connection.execute(sa.update(_table).where(_table.c.id == delivery, is_received).values(**values))

    def due(self, limit: int) -> Sequence[int]:
        query = sa.select(_table.c.id).where(*_due()).order_by(_table.c.due_at, _table.c.id).limit(limit)
        return self._connection.execute(query).scalars().all()

    def prune(self, older_than: float) -> int:
        is_old = sa.and_(_table.c.finished_at < DatabaseNow() - older_than, _table.c.payload.is_not(None))
        return self._connection.execute(sa.update(_table).where(is_old).values(payload=None)).rowcount


_table: Final = delivery
_NOTHING: Final = zlib.compress(b"")


@cache
def _insertion(dialect: str, due: bool) -> sa.Insert:
    raise NotImplementedError


def _due() -> tuple[sa.ColumnElement[bool], ...]:
    t = delivery
    return (
        t.c.status == DeliveryStatus.RECEIVED,
        t.c.due_at <= DatabaseNow(),
        sa.or_(t.c.lease_until.is_(None), t.c.lease_until <= DatabaseNow()),
    )

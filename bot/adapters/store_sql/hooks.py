"""Webhooks of repositories and their sealed secrets."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables_hooks import hook as table
from bot.domain.refs import RepositoryId
from bot.ports.webhooks import StoredHook


class SqlHooks:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, hook: str, repository: RepositoryId, secret: bytes, actor: str) -> StoredHook:
        row = {"id": hook, "repository": repository, "secret": secret, "actor": actor, "created_at": DatabaseNow()}
        self._connection.execute(insert(self._connection, table).values(**row).on_conflict_do_nothing())
        return self._one(table.c.repository == repository)

    def get(self, hook: str) -> StoredHook | None:
        return self._if_there(table.c.id == hook)

    def of_repository(self, repository: RepositoryId) -> StoredHook | None:
        return self._if_there(table.c.repository == repository)

    def every(self) -> Sequence[StoredHook]:
        return [_hook_of(row) for row in self._connection.execute(_SELECT.order_by(table.c.repository))]

    def made(self, hook: str, number: int) -> None:
        self._write(hook, number=number)

    def offer(self, hook: str, secret: bytes) -> StoredHook:
        is_pending = sa.and_(table.c.other.is_not(None), table.c.other_until.is_(None))
        change = sa.update(table).where(table.c.id == hook, sa.not_(is_pending))
        self._connection.execute(change.values(other=secret, other_until=None))
        return self._one(table.c.id == hook)

    def switch(self, hook: str, keep: float) -> None:
        change = sa.update(table).where(table.c.id == hook, table.c.other.is_not(None), table.c.other_until.is_(None))
        # Both sides mean the row as it was.
        values = {"secret": table.c.other, "other": table.c.secret, "other_until": DatabaseNow() + keep}
        self._connection.execute(change.values(**values))

    def heard(self, hook: str) -> None:
        self._write(hook, heard_at=DatabaseNow())

    def reseal(self, hook: StoredHook, secret: bytes, other: bytes | None) -> bool:
        same_other = sa.or_(table.c.other.is_not_distinct_from(hook.other), _IS_OVER)
        same = sa.and_(table.c.id == hook.id, table.c.secret.is_not_distinct_from(hook.secret), same_other)
        return self._connection.execute(sa.update(table).where(same).values(secret=secret, other=other)).rowcount > 0

    def remove(self, hook: str) -> None:
        self._connection.execute(sa.delete(table).where(table.c.id == hook))

    def _write(self, hook: str, **values: object) -> None:
        self._connection.execute(sa.update(table).where(table.c.id == hook).values(**values))

    def _one(self, is_it: sa.ColumnElement[bool]) -> StoredHook:
        return _hook_of(self._connection.execute(_SELECT.where(is_it)).one())

    def _if_there(self, is_it: sa.ColumnElement[bool]) -> StoredHook | None:
        row = self._connection.execute(_SELECT.where(is_it)).one_or_none()
        return None if row is None else _hook_of(row)


_IS_OVER = sa.and_(table.c.other_until.is_not(None), table.c.other_until <= DatabaseNow())
_SELECT = sa.select(table, _IS_OVER.label("over"))


def _hook_of(row: sa.Row[Any]) -> StoredHook:
    return StoredHook(
        id=row.id,
        repository=row.repository,
        number=row.number,
        secret=row.secret,
        other=None if row.over else row.other,
        created_at=row.created_at,
        heard_at=row.heard_at,
        actor=row.actor,
    )

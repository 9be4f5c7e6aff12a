"""Secrets of repositories, sealed before they come here."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables import secret as table
from bot.domain.refs import RepositoryId
from bot.ports.vault import StoredSecret


class SqlSecrets:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def put(self, repository: RepositoryId, name: str, value: bytes, actor: str) -> bool:
        is_new = self._connection.execute(sa.select(table.c.id).where(_is(repository, name))).first() is None
        what = {"value": value, "actor": actor, "updated_at": DatabaseNow()}
        row = insert(self._connection, table).values(
            repository=repository, name=name, created_at=DatabaseNow(), **what
        )
        self._connection.execute(row.on_conflict_do_update(index_elements=["repository", "name"], set_=what))
        return is_new

    def of_repository(self, repository: RepositoryId) -> Sequence[StoredSecret]:
        query = sa.select(table).where(table.c.repository == repository).order_by(table.c.name)
        return [_secret_of(row) for row in self._connection.execute(query)]

    def remove(self, repository: RepositoryId, name: str) -> bool:
        return self._connection.execute(sa.delete(table).where(_is(repository, name))).rowcount > 0

    def every(self) -> Sequence[StoredSecret]:
        return [_secret_of(row) for row in self._connection.execute(sa.select(table).order_by(table.c.id))]

    def reseal(self, secret: StoredSecret, value: bytes) -> bool:
        same = sa.and_(_is(secret.repository, secret.name), table.c.value == secret.value)
        return self._connection.execute(sa.update(table).where(same).values(value=value)).rowcount > 0


def _is(repository: RepositoryId, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.repository == repository, table.c.name == name)


def _secret_of(row: sa.Row[Any]) -> StoredSecret:
    return StoredSecret(
        repository=row.repository,
        name=row.name,
        value=row.value,
        created_at=row.created_at,
        updated_at=row.updated_at,
        actor=row.actor,
    )

"""Channels that repositories have of their own, their addresses sealed before they come here."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables_notices import own_channel as table
from bot.domain.refs import RepositoryId
from bot.ports.notices import StoredChannel


class SqlOwnChannels:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def put(self, repository: RepositoryId, name: str, kind: str, address: bytes, actor: str) -> bool:
        is_new = self.get(repository, name) is None
        what = {"kind": kind, "address": address, "actor": actor, "created_at": DatabaseNow()}
        row = insert(self._connection, table).values(repository=repository, name=name, **what)
        self._connection.execute(row.on_conflict_do_update(index_elements=["repository", "name"], set_=what))
        return is_new

    def of_repository(self, repository: RepositoryId) -> Sequence[StoredChannel]:
        return self._all(sa.select(table).where(table.c.repository == repository))

    def get(self, repository: RepositoryId, name: str) -> StoredChannel | None:
        row = self._connection.execute(sa.select(table).where(_is(repository, name))).one_or_none()
        return None if row is None else _channel_of(row)

    def remove(self, repository: RepositoryId, name: str) -> bool:
        return self._connection.execute(sa.delete(table).where(_is(repository, name))).rowcount > 0

    def every(self) -> Sequence[StoredChannel]:
        return self._all(sa.select(table))

    def page(self, limit: int, *, after: tuple[RepositoryId, str]) -> Sequence[StoredChannel]:
        repository, name = after
        later = sa.and_(table.c.repository == repository, table.c.name > name)
        return self._all(sa.select(table).where(sa.or_(table.c.repository > repository, later)).limit(limit))

    def reseal(self, channel: StoredChannel, address: bytes) -> bool:
        same = sa.and_(_is(channel.repository, channel.name), table.c.address == channel.address)
        return self._connection.execute(sa.update(table).where(same).values(address=address)).rowcount > 0

    def _all(self, query: sa.Select[Any]) -> Sequence[StoredChannel]:
        rows = self._connection.execute(query.order_by(table.c.repository, table.c.name))
        return [_channel_of(row) for row in rows]


def _is(repository: RepositoryId, name: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.repository == repository, table.c.name == name)


def _channel_of(row: sa.Row[Any]) -> StoredChannel:
    return StoredChannel(
        repository=row.repository,
        name=row.name,
        kind=row.kind,
        address=row.address,
        created_at=row.created_at,
        actor=row.actor,
    )

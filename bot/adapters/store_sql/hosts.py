"""Forges that were set up here, sealed before they come here, and the keys that let somebody do it."""

from collections.abc import Sequence

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables_hosts import host as table
from bot.adapters.store_sql.tables_hosts import setup_key
from bot.domain.refs import ForgeName
from bot.ports.hosts import SetupKind, StoredHost


class SqlHosts:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def put(self, name: ForgeName, value: bytes, actor: str) -> None:
        what = {"value": value, "actor": actor, "updated_at": DatabaseNow()}
        row = insert(self._connection, table).values(name=name, **what)
        self._connection.execute(row.on_conflict_do_update(index_elements=["name"], set_=what))

    def every(self) -> Sequence[StoredHost]:
        rows = self._connection.execute(sa.select(table).order_by(table.c.name))
        return [
            StoredHost(name=ForgeName(row.name), value=row.value, updated_at=row.updated_at, actor=row.actor)
            for row in rows
        ]

    def reseal(self, host: StoredHost, value: bytes) -> bool:
        same = sa.and_(table.c.name == host.name, table.c.value == host.value)
        return self._connection.execute(sa.update(table).where(same).values(value=value)).rowcount > 0


class SqlSetupKeys:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def put(self, kind: SetupKind, digest: str, seconds: float) -> None:
        what = {"digest": digest, "ends_at": DatabaseNow() + seconds}
        row = insert(self._connection, setup_key).values(kind=kind, **what)
        self._connection.execute(row.on_conflict_do_update(index_elements=["kind"], set_=what))

    def take(self, kind: SetupKind, digest: str) -> bool:
        return self._connection.execute(sa.delete(setup_key).where(_is(kind, digest))).rowcount > 0

    def is_live(self, kind: SetupKind, digest: str) -> bool:
        return self._connection.execute(sa.select(setup_key.c.kind).where(_is(kind, digest))).first() is not None

    def end(self, kind: SetupKind) -> None:
        self._connection.execute(sa.delete(setup_key).where(setup_key.c.kind == kind))


def _is(kind: SetupKind, digest: str) -> sa.ColumnElement[bool]:
    return sa.and_(setup_key.c.kind == kind, setup_key.c.digest == digest, setup_key.c.ends_at > DatabaseNow())

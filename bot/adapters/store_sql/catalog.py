"""Registered suites and environments: a row for each, and one for each version, which is never written again."""

from collections.abc import Sequence
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables_catalog import entry as table
from bot.adapters.store_sql.tables_catalog import version as version_table
from bot.domain.catalog import Entry, Kind
from bot.domain.errors import Gone

_BOTH: sa.Select[Any] = sa.select(
    table.c.id,
    table.c.number,
    table.c.kind,
    table.c.created_at,
    table.c.removed_at,
    version_table.c.name,
    version_table.c.version,
    version_table.c.definition,
    version_table.c.at,
    version_table.c.actor,
).join_from(table, version_table, version_table.c.entry == table.c.number)
_NEWEST = sa.and_(version_table.c.version == table.c.version, table.c.removed_at.is_(None))


class SqlCatalog:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, kind: Kind, key: str, name: str, definition: str, actor: str) -> Entry | None:
        row = {"id": key, "kind": kind, "name": name, "version": 1, "created_at": DatabaseNow()}
        made = insert(self._connection, table).values(**row).on_conflict_do_nothing().returning(table.c.number)
        number: int | None = self._connection.execute(made).scalar()
        if number is None:
            return None
        self._write(number, 1, name, definition, actor)
        return self.get(kind, key)

    def get(self, kind: Kind, key: str, version: int | None = None) -> Entry:
        which = _NEWEST if version is None else version_table.c.version == version
        row = self._connection.execute(_BOTH.where(_is(kind, key), which)).one_or_none()
        if row is None:
            raise Gone(f"there is no such {kind}")
        return _entry_of(row)

    def replace(self, before: Entry, name: str, definition: str, actor: str) -> Entry | None:
        others = table.alias()
        has_name = sa.select(others.c.number).where(
            others.c.kind == before.kind,
            others.c.name == name,
            others.c.number != before.number,
            others.c.removed_at.is_(None),
        )
        again = sa.update(table).where(_is_still(before), ~has_name.exists())
        if not self._connection.execute(again.values(name=name, version=before.version + 1)).rowcount:
            return None
        self._write(before.number, before.version + 1, name, definition, actor)
        return self.get(before.kind, before.id)

    def remove(self, before: Entry) -> bool:
        end = sa.update(table).where(_is_still(before)).values(removed_at=DatabaseNow())
        return self._connection.execute(end).rowcount > 0

    def known(self, kind: Kind, limit: int, after: int = 0) -> Sequence[Entry]:
        which = _BOTH.where(table.c.kind == kind, table.c.number > after, _NEWEST)
        return [_entry_of(row) for row in self._connection.execute(which.order_by(table.c.number).limit(limit))]

    def versions(self, kind: Kind, key: str) -> Sequence[Entry]:
        rows = self._connection.execute(_BOTH.where(_is(kind, key)).order_by(version_table.c.version))
        return [_entry_of(row) for row in rows]

    def _write(self, number: int, version: int, name: str, definition: str, actor: str) -> None:
        row = {"entry": number, "version": version, "name": name, "definition": definition, "actor": actor}
        self._connection.execute(sa.insert(version_table).values(**row, at=DatabaseNow()))


def _is(kind: Kind, key: str) -> sa.ColumnElement[bool]:
    return sa.and_(table.c.kind == kind, table.c.id == key)


def _is_still(before: Entry) -> sa.ColumnElement[bool]:
    return sa.and_(_is(before.kind, before.id), table.c.version == before.version, table.c.removed_at.is_(None))


def _entry_of(row: sa.Row[Any]) -> Entry:
    return Entry(
        id=row.id,
        number=row.number,
        kind=row.kind,
        name=row.name,
        version=row.version,
        definition=row.definition,
        created_at=row.created_at,
        changed_at=row.at,
        actor=row.actor,
        removed=row.removed_at is not None,
    )

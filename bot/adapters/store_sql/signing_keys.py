"""Keys of access tokens."""

from datetime import datetime

import sqlalchemy as sa

from bot.adapters.store_sql.tables_people import signing_key as table
from bot.ports.signing import SigningKey


class SqlSigningKeys:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, key: SigningKey) -> None:
        row = {"id": key.id, "private": key.private, "public": key.public, "created_at": key.created_at}
        self._connection.execute(sa.insert(table).values(**row))

    def get(self, key: str) -> SigningKey | None:
        return self._first(sa.select(table).where(table.c.id == key))

    def newest(self) -> SigningKey | None:
        return self._first(sa.select(table).order_by(table.c.created_at.desc(), table.c.id).limit(1))

    def forget(self, before: datetime) -> None:
        self._connection.execute(sa.delete(table).where(table.c.created_at < before))

    def _first(self, query: sa.Select[tuple[str, bytes, bytes, datetime]]) -> SigningKey | None:
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return SigningKey(id=row.id, private=row.private, public=row.public, created_at=row.created_at)

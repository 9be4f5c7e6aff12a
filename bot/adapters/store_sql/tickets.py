"""Tickets: each lets its bearer in once."""

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow
from bot.adapters.store_sql.tables_people import ticket as table
from bot.domain.runs import RunId


class SqlTickets:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def put(self, digest: str, run: RunId, token: str, seconds: float) -> None:
        self._connection.execute(sa.delete(table).where(table.c.ends_at <= DatabaseNow()))
        row = {"digest": digest, "run": run, "token": token}
        self._connection.execute(sa.insert(table).values(**row, ends_at=DatabaseNow() + seconds))

    def take(self, digest: str, run: RunId) -> str | None:
        is_it = sa.and_(table.c.digest == digest, table.c.run == run, table.c.ends_at > DatabaseNow())
        token: str | None = self._connection.execute(sa.delete(table).where(is_it).returning(table.c.token)).scalar()
        return token

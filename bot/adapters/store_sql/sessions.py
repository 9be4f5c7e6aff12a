"""Who has signed in."""

from datetime import datetime

import sqlalchemy as sa

from bot.adapters.store_sql.tables_people import session as table
from bot.domain.refs import ForgeName, Person
from bot.domain.sessions import Session


class SqlSessions:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, session: Session) -> None:
        self._connection.execute(sa.delete(table).where(table.c.expires_at <= session.created_at))
        row = {
            "digest": session.digest,
            "forge": session.forge,
            "forge_user_id": session.person.id,
            "login": session.person.login,
            "created_at": session.created_at,
            "expires_at": session.expires_at,
        }
        self._connection.execute(sa.insert(table).values(**row))

    def get(self, digest: str, at: datetime) -> Session | None:
        query = sa.select(table).where(table.c.digest == digest, table.c.expires_at > at)
        row = self._connection.execute(query).one_or_none()
        if row is None:
            return None
        return Session(
            digest=row.digest,
            forge=ForgeName(row.forge),
            person=Person(row.forge_user_id, row.login),
            created_at=row.created_at,
            expires_at=row.expires_at,
        )

    def end(self, digest: str) -> None:
        self._connection.execute(sa.delete(table).where(table.c.digest == digest))

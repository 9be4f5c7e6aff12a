"""Tokens of programs, and their calls that must not happen twice."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from bot.adapters.store_sql.dialects import DatabaseNow, insert
from bot.adapters.store_sql.tables import call as call_table
from bot.adapters.store_sql.tables import token as table
from bot.domain.tokens import Token
from bot.ports.ledger import Call


class SqlTokens:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def add(self, token: Token) -> None:
        row = {
            "id": token.id,
            "name": token.name,
            "digest": token.digest,
            "scopes": token.scopes,
            "bound": token.bound,
            "created_at": token.created_at,
            "expires_at": token.expires_at,
            "revoked_at": token.revoked_at,
            "used_at": token.used_at,
        }
        self._connection.execute(sa.insert(table).values(**row))

    def get(self, key: str) -> Token | None:
        row = self._connection.execute(sa.select(table).where(table.c.id == key)).one_or_none()
        return None if row is None else _token_of(row)

    def all(self) -> Sequence[Token]:
        query = sa.select(table).order_by(table.c.created_at, table.c.id)
        return [_token_of(row) for row in self._connection.execute(query)]

    def revoke(self, key: str, at: datetime) -> None:
        still = sa.and_(table.c.id == key, table.c.revoked_at.is_(None))
        self._connection.execute(sa.update(table).where(still).values(revoked_at=at))

    def used(self, key: str, at: datetime) -> None:
        self._connection.execute(sa.update(table).where(table.c.id == key).values(used_at=at))


class SqlCalls:
    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def find(self, key: str, max_age: float) -> Call | None:
        young = call_table.c.at > DatabaseNow() - max_age
        query = sa.select(call_table).where(call_table.c.key == key, young)
        row = self._connection.execute(query).one_or_none()
        return None if row is None else Call(key=row.key, body=row.body, trigger=row.trigger)

    def note(self, call: Call, max_age: float) -> Call:
        self._connection.execute(sa.delete(call_table).where(call_table.c.at <= DatabaseNow() - max_age))
        row = {"key": call.key, "body": call.body, "trigger": call.trigger}
        first = insert(self._connection, call_table).values(**row, at=DatabaseNow()).on_conflict_do_nothing()
        self._connection.execute(first)
        return self.find(call.key, max_age) or call


def _token_of(row: sa.Row[Any]) -> Token:
    return Token(
        id=row.id,
        name=row.name,
        digest=row.digest,
        scopes=row.scopes,
        bound=row.bound,
        created_at=row.created_at,
        expires_at=row.expires_at,
        revoked_at=row.revoked_at,
        used_at=row.used_at,
    )

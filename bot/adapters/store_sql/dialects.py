"""What SQLite and PostgreSQL say differently."""

import re
from collections.abc import Callable, Mapping
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler

Insert = sqlite.Insert | postgresql.Insert

INSERTS: Final[Mapping[str, Callable[[sa.Table], Insert]]] = {
    "sqlite": sqlite.insert,
    "postgresql": postgresql.insert,
}


def insert(connection: sa.Connection, table: sa.Table) -> Insert:
    """An insert that knows `on_conflict_do_nothing` and `on_conflict_do_update`."""
    return INSERTS[connection.dialect.name](table)


class DatabaseNow(sa.sql.functions.FunctionElement[float]):
    """Seconds since 1970 by the database's clock, the only one that leases and due times are compared with."""

    type = sa.Double()
    inherit_cache = True


class least(sa.sql.functions.FunctionElement[float]):  # noqa: N801 - it reads as a function of SQL
    """The smallest of its arguments, none of which may be NULL."""

    type = sa.Double()
    inherit_cache = True


@compiles(least)
def _least(element: least, compiler: SQLCompiler, **more: Any) -> str:
    name = {"sqlite": "min", "postgresql": "least"}[compiler.dialect.name]
    return f"{name}({compiler.process(element.clauses, **more)})"


_NOW: Final = {
    "sqlite": "((julianday('now') - 2440587.5) * 86400.0)",
    "postgresql": "CAST(extract(epoch FROM clock_timestamp()) AS double precision)",
}


@compiles(DatabaseNow)
def _now(_element: DatabaseNow, compiler: SQLCompiler, **_: Any) -> str:
    return _NOW[compiler.dialect.name]


_UNSTORABLE: Final = re.compile("[\0\ud800-\udfff]")


def storable(row: Any) -> Any:
    """The parameters of a statement with NUL and lone surrogates replaced; PostgreSQL takes them in no text."""
    if isinstance(row, dict):
        return {name: _storable(value) for name, value in row.items()}
    return tuple(_storable(value) for value in row)


def _storable(value: object) -> object:
    return _UNSTORABLE.sub("\N{REPLACEMENT CHARACTER}", value) if isinstance(value, str) else value


def is_worth_another_try(error: BaseException) -> bool:
    """Whether the database was locked, full, read-only or out of reach; not a fault in the statement.

    sqlite3 tells by its result code, psycopg by the SQLSTATE; without one the connection itself failed.
    """
    if (code := getattr(error, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in _SQLITE_TROUBLE
    state = getattr(error, "sqlstate", None)
    return state is None or state[:2] in _SQLSTATE_TROUBLE or state in _STATES_OF_TROUBLE


def is_locked(error: BaseException | None) -> bool:
    """Whether somebody else had what was wanted, or wanted it in another order."""
    if (code := getattr(error, "sqlite_errorcode", None)) is not None:
        return code & 0xFF in _SQLITE_LOCKED
    return getattr(error, "sqlstate", None) in _SQLSTATE_LOCKED


# BUSY, LOCKED
_SQLITE_LOCKED: Final = frozenset({5, 6})
# a deadlock, a lock that somebody else has
_SQLSTATE_LOCKED: Final = frozenset({"40P01", "55P03"})
# BUSY, LOCKED, NOMEM, READONLY, IOERR, FULL, CANTOPEN, PROTOCOL
_SQLITE_TROUBLE: Final = frozenset({5, 6, 7, 8, 10, 13, 14, 15})
# connection, transaction rollback, insufficient resources, operator intervention, system error
_SQLSTATE_TROUBLE: Final = frozenset({"08", "40", "53", "57", "58"})
# a read-only transaction, one that was idle for too long, a lock that somebody else has
_STATES_OF_TROUBLE: Final = frozenset({"25006", "25P03", "55P03"})

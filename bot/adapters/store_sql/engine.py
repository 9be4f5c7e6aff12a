"""Opening a database: how connections and transactions behave, and what their faults mean."""

import math
import os
import sqlite3
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.engine import ExceptionContext

from bot.adapters.store_sql.dialects import is_worth_another_try, storable
from bot.domain.errors import Refused, StoreBusy

_PRIVATE: Final = 0o600
_READING: Final = "reading"
_TURN: Final = "turn"
_PAUSE: Final = 0.02
"""Seconds between two tries."""
_ENCODING: Final = "UTF8"
_ANEW: Final = "CREATE DATABASE assay ENCODING 'UTF8' TEMPLATE template0"
_KEEPALIVES: Final = {"keepalives_idle": 10, "keepalives_interval": 5, "keepalives_count": 3}


def open_engine(url: str, *, patience: float = 10.0) -> sa.Engine:
    """Connect to `sqlite:///FILE`, `sqlite://` (in memory, for tests and the demo) or `postgresql://…`.

    Everything that the engine does raises StoreBusy where another try may help, and when it has waited for a
    connection or a lock for `patience` seconds; Refused of a PostgreSQL database that can't hold every text.
    """
    address = sa.make_url(url)
    if address.get_backend_name() == "sqlite":
        engine = _open_sqlite(address, patience)
    else:
        engine = _open_postgres(address, patience)
    event.listen(engine, "handle_error", _translate)
    event.listen(engine, "before_cursor_execute", _make_storable, retval=True)
    return engine


def reading(engine: sa.Engine) -> sa.Engine:
    """The same database for transactions that only read: each sees one state and never waits for a writer."""
    if engine.dialect.name == "sqlite":
        return engine.execution_options(**{_READING: True})
    return engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)


@contextmanager
def transaction(engine: sa.Engine) -> Iterator[sa.Connection]:
    """Commits at the end, rolls back on an exception."""
    with connect(engine) as connection, connection.begin():
        yield connection


def connect(engine: sa.Engine) -> sa.Connection:
    try:
        return engine.connect()
    except sa.exc.TimeoutError as error:
        raise StoreBusy("all connections to the database are in use") from error


def _open_postgres(address: sa.URL, patience: float) -> sa.Engine:
    """A server or a client that is frozen or cut off holds nobody up for longer than `patience`, and no locks.

    The kernel would try to reach it for a quarter of an hour, and the server would wait for a client for ever.
    """
    limit = math.ceil(1000 * patience)
    engine = sa.create_engine(
        address.set(drivername="postgresql+psycopg"),
        pool_pre_ping=True,
        pool_timeout=patience,
        max_overflow=40,
        connect_args={"connect_timeout": math.ceil(patience), "tcp_user_timeout": limit, **_KEEPALIVES},
    )

    def set_limits(connection: Any, _record: object) -> None:
        encoding = connection.info.parameter_status("server_encoding")
        if encoding != _ENCODING:
            raise Refused(f"the database's encoding is {encoding}, and it must be {_ENCODING}: {_ANEW}")
        connection.execute(f"SET idle_in_transaction_session_timeout = {limit}")
        connection.execute(f"SET lock_timeout = {limit}")
        connection.execute(f"SET tcp_user_timeout = {limit}")
        connection.commit()

    event.listen(engine, "connect", set_limits, insert=True)  # before SQLAlchemy asks something that it can't read
    return engine


def _open_sqlite(address: sa.URL, patience: float) -> sa.Engine:
    options: dict[str, Any] = {"max_overflow": 40}
    if address.database in (None, "", ":memory:"):
        # A database in memory lives as long as its one connection; threads take turns with it.
        options = {"poolclass": sa.QueuePool, "pool_size": 1, "max_overflow": 0}
    else:
        _make_private(Path(str(address.database)))
    engine = sa.create_engine(
        address,
        pool_timeout=patience,
        # With isolation_level None the driver begins nothing by itself; `_begin` does.
        connect_args={"isolation_level": None, "timeout": patience, "check_same_thread": False},
        **options,
    )

    def set_up(connection: sqlite3.Connection, _record: object) -> None:
        try:
            _use_wal(connection, patience)
            connection.execute("PRAGMA synchronous = NORMAL")
            connection.execute("PRAGMA foreign_keys = ON")
        except sqlite3.OperationalError as error:
            raise StoreBusy(f"database: {error}") from error

    event.listen(engine, "connect", set_up)
    turns = _Turns(patience)
    event.listen(engine, "begin", turns.begin)
    event.listen(engine, "checkin", turns.end)
    return engine


def _make_private(file: Path) -> None:
    """SQLite gives its side files (WAL, shared memory) the mode of the database file."""
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        os.close(os.open(file, os.O_RDWR | os.O_CREAT, _PRIVATE))
    except OSError as error:
        raise StoreBusy(f"the database file can't be opened: {error}") from error


def _use_wal(connection: sqlite3.Connection, patience: float) -> None:
    """The first of many who open a new file switches it to WAL; SQLite tells the others at once that it is locked.

    It waits for a lock only where waiting can not end in a circle, and this is a reader who wants to write.
    """
    ends = time.monotonic() + patience
    while True:
        try:
            connection.execute("PRAGMA journal_mode = WAL")
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode & 0xFF != sqlite3.SQLITE_BUSY or time.monotonic() > ends:
                raise
            time.sleep(_PAUSE)
        else:
            return


class _Turns:
    """How transactions begin in SQLite.

    A transaction that reads first and writes later fails at once when somebody else wrote in between; one that takes
    the write lock at its start waits its turn instead. SQLite waits by sleeping ever longer, which makes some of many
    threads wait for a tenth of a second and more while the others do thousands of transactions; a lock of our own
    wakes the next one at once. Other processes are still kept away by SQLite's.
    """

    def __init__(self, patience: float) -> None:
        self._patience = patience
        self._writer = Lock()

    def begin(self, connection: sa.Connection) -> None:
        if connection.get_execution_options().get(_READING, False):
            connection.exec_driver_sql("BEGIN")
            return
        if _TURN not in connection.info:
            if not self._writer.acquire(timeout=self._patience):
                raise StoreBusy("the database has been locked for too long")
            connection.info[_TURN] = True
        connection.exec_driver_sql("BEGIN IMMEDIATE")

    def end(self, _connection: object, record: sa.pool.ConnectionPoolEntry) -> None:
        if record.info.pop(_TURN, False):
            self._writer.release()


def _make_storable(
    _connection: object, _cursor: object, statement: str, parameters: Any, _context: object, many: bool
) -> tuple[str, Any]:
    """Other people's texts may hold what PostgreSQL takes in no text; on SQLite it is replaced alike (cases C77)."""
    return statement, [storable(row) for row in parameters] if many else storable(parameters)


def _translate(context: ExceptionContext) -> None:
    if context.is_pre_ping:  # then a connection that was lost is made anew
        return
    error = context.original_exception
    dialect = context.dialect.loaded_dbapi
    if isinstance(error, (dialect.OperationalError, dialect.InternalError)) and is_worth_another_try(error):
        raise StoreBusy(f"database: {error}") from error
    if context.is_disconnect:
        raise StoreBusy(f"the connection to the database was lost: {error}") from error

"""Bringing a database to the tables of this version, while others use it."""

import time
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.adapters.store_sql.dialects import is_locked
from bot.adapters.store_sql.engine import connect
from bot.domain.errors import Refused, StoreBusy

MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x61737361_79
_PATIENCE: Final = 300.0
"""Seconds to wait for another process's upgrade, and for tables that are in use."""
_STALL: Final = 0.5
"""Seconds to wait for a lock at a time, since everybody else waits behind us for the same table.

PostgreSQL looks for a circle of waiting ones after one second: so it is always the upgrade that gives way.
"""
_PAUSE: Final = 1.0
"""Seconds for all those, before the next try."""


def upgrade(engine: sa.Engine, migrations: Path = MIGRATIONS) -> None:
    """Make or alter the tables; one process at a time, the others wait and find it done.

    On SQLite, and where there are no tables yet, it is one transaction. On PostgreSQL each revision is one, so that
    nobody waits for more than the shortest of locks.

    Raises:
        Refused: the database was made by a newer version.
        StoreBusy: another process took too long.
    """
    config = Config()
    config.set_main_option("script_location", str(migrations).replace("%", "%%"))
    with connect(engine) as connection:
        config.attributes["connection"] = connection
        try:
            _go_all_the_way(connection, config)
        finally:
            if connection.dialect.name == "postgresql":
                connection.invalidate()  # its end ends our turn, and it is set as no other one may be


def _go_all_the_way(connection: sa.Connection, config: Config) -> None:
    ends = time.monotonic() + _PATIENCE
    while True:
        try:
            if _is_done(connection, config):
                return
        except StoreBusy as error:
            if not is_locked(error.__cause__) or time.monotonic() > ends:
                raise
            time.sleep(_PAUSE)


def _is_done(connection: sa.Connection, config: Config) -> bool:
    """One step of the way, unless there is none left."""
    scripts = ScriptDirectory.from_config(config)
    with connection.begin():
        if connection.dialect.name == "postgresql":
            # SQLite needs none: its transactions hold the write lock from their first moment.
            connection.exec_driver_sql(f"SET lock_timeout = '{_STALL}s'")
            connection.exec_driver_sql("SET idle_in_transaction_session_timeout = 0")
            connection.execute(sa.select(sa.func.pg_advisory_lock(_LOCK)))
        heads = MigrationContext.configure(connection).get_current_heads()
        _refuse_the_unknown(heads, scripts)
        missing = [script.revision for script in scripts.iterate_revisions("head", heads or "base")]
        if not missing:
            return True
        if connection.dialect.name != "postgresql" or not heads:
            command.upgrade(config, "head")
            return True
    command.upgrade(config, missing[-1])
    return False


def _refuse_the_unknown(heads: tuple[str, ...], scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if unknown := set(heads) - known:
        names = ", ".join(sorted(unknown))
        raise Refused(f"the database was made by a newer version of Assay (revision {names}); use that or newer")

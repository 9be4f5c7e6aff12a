"""Bringing a database to the tables of this version."""

from pathlib import Path
from typing import Final

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.adapters.store_sql.engine import transaction
from bot.domain.errors import Refused

_MIGRATIONS: Final = Path(__file__).parent / "migrations"
_LOCK: Final = 0x61737361_79
_PATIENCE: Final = 300
"""Seconds to wait for another process's upgrade, and for a table that is in use."""


def upgrade(engine: sa.Engine) -> None:
    """Make or alter the tables in one transaction; one process at a time, the others wait and find it done.

    Raises:
        Refused: the database was made by a newer version.
        StoreBusy: another process took too long.
    """
    config = Config()
    config.set_main_option("script_location", str(_MIGRATIONS).replace("%", "%%"))
    with transaction(engine) as connection:
        if connection.dialect.name == "postgresql":
            # SQLite needs none: its transactions hold the write lock from their first moment.
            connection.exec_driver_sql(f"SET LOCAL lock_timeout = '{_PATIENCE}s'")
            connection.exec_driver_sql("SET LOCAL idle_in_transaction_session_timeout = 0")
            connection.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
        _refuse_the_unknown(connection, ScriptDirectory.from_config(config))
        config.attributes["connection"] = connection
        command.upgrade(config, "head")


def _refuse_the_unknown(connection: sa.Connection, scripts: ScriptDirectory) -> None:
    known = {script.revision for script in scripts.walk_revisions()}
    if unknown := set(MigrationContext.configure(connection).get_current_heads()) - known:
        names = ", ".join(sorted(unknown))
        raise Refused(f"the database was made by a newer version of Assay (revision {names}); use that or newer")

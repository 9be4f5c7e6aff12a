"""What a revision may do to a table that others write to at the same time."""

from collections.abc import Sequence
from typing import Final

from alembic import op

_PATIENCE: Final = "5min"


def add_index(name: str, table: str, columns: Sequence[str]) -> None:
    """Build it while others write, where the database can.

    That can not be undone by a transaction, so the revision does nothing else; what a try left that was cut off is
    dropped by the next. It waits for those who have begun, but nobody waits for it.
    """
    context = op.get_context()
    if context.dialect.name != "postgresql" or not context.opts["in_use"]:
        op.create_index(name, table, columns)
        return
    with context.autocommit_block():
        op.execute(f"SET lock_timeout = '{_PATIENCE}'")
        op.drop_index(name, table, if_exists=True, postgresql_concurrently=True)
        op.create_index(name, table, columns, postgresql_concurrently=True)

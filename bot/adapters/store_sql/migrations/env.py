"""Alembic runs this; the connection is `upgrade`'s, and where that has begun a transaction, so is that."""

from alembic import context

from bot.adapters.store_sql import tables_catalog, tables_results  # noqa: F401  # its tables are on the same metadata
from bot.adapters.store_sql.tables import metadata

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
    in_use=not connection.in_transaction(),
)
with context.begin_transaction():
    context.run_migrations()

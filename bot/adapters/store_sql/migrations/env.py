"""Alembic runs this; the connection and its transaction are `upgrade`'s."""

from alembic import context

from bot.adapters.store_sql import tables_catalog, tables_results  # noqa: F401  # its tables are on the same metadata
from bot.adapters.store_sql.tables import metadata

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()

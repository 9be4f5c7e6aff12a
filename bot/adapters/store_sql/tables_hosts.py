"""Tables of forges that are set up while the server runs, on the metadata of all tables."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Word
from bot.adapters.store_sql.tables import metadata
from bot.ports.hosts import SetupKind

host = sa.Table(
    "host",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("value", sa.LargeBinary, nullable=False),  # encrypted
    sa.Column("updated_at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)

setup_key = sa.Table(
    "setup_key",
    metadata,
    sa.Column("kind", Word(SetupKind), primary_key=True),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False),
)

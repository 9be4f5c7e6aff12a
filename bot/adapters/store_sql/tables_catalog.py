"""Tables of registered suites and environments, on the metadata of all tables."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Number, Word
from bot.adapters.store_sql.tables import metadata
from bot.domain.catalog import Kind

entry = sa.Table(
    "catalog_entry",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("kind", Word(Kind), nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("removed_at", sa.Double),
    sa.UniqueConstraint("id"),
    sqlite_autoincrement=True,
)
_LIVE = entry.c.removed_at.is_(None)
sa.Index("ix_catalog_entry_name", entry.c.kind, entry.c.name, unique=True, sqlite_where=_LIVE, postgresql_where=_LIVE)

version = sa.Table(
    "catalog_version",
    metadata,
    sa.Column("entry", Number, sa.ForeignKey("catalog_entry.number"), primary_key=True),
    sa.Column("version", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("definition", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)

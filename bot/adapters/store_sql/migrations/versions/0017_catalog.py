"""Registered suites and environments, and which of them a build was started with."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "catalog_entry",
        sa.Column("number", _NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("removed_at", sa.Double()),
        sa.PrimaryKeyConstraint("number", name="pk_catalog_entry"),
        sa.UniqueConstraint("id", name="uq_catalog_entry_id"),
        sqlite_autoincrement=True,
    )
    live = sa.text("removed_at IS NULL")
    op.create_index(
        "ix_catalog_entry_name",
        "catalog_entry",
        ["kind", "name"],
        unique=True,
        sqlite_where=live,
        postgresql_where=live,
    )
    op.create_table(
        "catalog_version",
        sa.Column("entry", _NUMBER, nullable=False),
        sa.Column("version", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("definition", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["entry"], ["catalog_entry.number"], name="fk_catalog_version_entry"),
        sa.PrimaryKeyConstraint("entry", "version", name="pk_catalog_version"),
    )
    op.add_column("build", sa.Column("chosen", sa.Text()))

"""The table of workers, on the metadata of all tables."""

import sqlalchemy as sa

from bot.adapters.store_sql.tables import metadata

worker = sa.Table(
    "worker",
    metadata,
    sa.Column("process", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, nullable=False),
    sa.Column("labels", sa.Text, nullable=False),  # in order, joined by blanks
    sa.Column("slots", sa.Integer, nullable=False),
    sa.Column("cpus", sa.Double, nullable=False),
    sa.Column("memory", sa.BigInteger, nullable=False),
    sa.Column("draining", sa.Boolean, nullable=False),
    sa.Column("until", sa.Double, nullable=False),  # it is there until then
)

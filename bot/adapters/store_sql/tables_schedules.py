"""The table of schedules, on the metadata of all tables."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Moment, Number
from bot.adapters.store_sql.tables import metadata

schedule = sa.Table(
    "schedule",
    metadata,
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), primary_key=True),
    sa.Column("suite", sa.Text, primary_key=True),
    sa.Column("cron", sa.Text, nullable=False),
    sa.Column("timezone", sa.Text, nullable=False),
    sa.Column("due_at", Moment, nullable=False),
    sa.Index(None, "due_at"),
)

"""The table of what is set for single repositories, on the metadata of all tables."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Number, Snapshot
from bot.adapters.store_sql.tables import metadata
from bot.domain.own_rules import OwnRules

own_rules = sa.Table(
    "own_rules",
    metadata,
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), primary_key=True),
    sa.Column("rules", Snapshot(OwnRules), nullable=False),
    sa.Column("runs_max", sa.Integer),  # of the rules, for whoever claims runs
    sa.Column("stranger_runs_max", sa.Integer),
)

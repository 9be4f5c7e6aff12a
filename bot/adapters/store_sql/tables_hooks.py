"""The table of repositories' webhooks, on the metadata of all tables."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Number
from bot.adapters.store_sql.tables import metadata

hook = sa.Table(
    "hook",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), nullable=False),
    sa.Column("number", sa.BigInteger),  # the forge's
    sa.Column("secret", sa.LargeBinary, nullable=False),  # encrypted, as the next
    sa.Column("other", sa.LargeBinary),
    sa.Column("other_until", sa.Double),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("heard_at", sa.Double),
    sa.Column("actor", sa.Text, nullable=False),
    sa.UniqueConstraint("repository"),
)

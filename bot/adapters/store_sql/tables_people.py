"""Tables about people who signed in, and about keys of access tokens."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Moment
from bot.adapters.store_sql.tables import metadata

session = sa.Table(
    "session",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("forge", sa.Text, nullable=False),
    sa.Column("forge_user_id", sa.BigInteger, nullable=False),
    sa.Column("login", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment, nullable=False),
    sa.Index(None, "expires_at"),
)

signing_key = sa.Table(
    "signing_key",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("private", sa.LargeBinary, nullable=False),  # encrypted
    sa.Column("public", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
)

ticket = sa.Table(
    "ticket",
    metadata,
    sa.Column("digest", sa.Text, primary_key=True),
    sa.Column("run", sa.Text, nullable=False),
    sa.Column("token", sa.Text, nullable=False),
    sa.Column("ends_at", sa.Double, nullable=False),
    sa.Index(None, "ends_at"),
)

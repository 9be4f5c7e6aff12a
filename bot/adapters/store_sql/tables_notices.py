"""Tables about telling people."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Number, Snapshot, Word
from bot.adapters.store_sql.tables import metadata
from bot.domain.notices import NoticeState
from bot.domain.suites import Send

notice = sa.Table(
    "notice",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("build", Number, sa.ForeignKey("build.id"), nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("suites", Snapshot(tuple[str, ...]), nullable=False),
    sa.Column("send", Word(Send), nullable=False),
    sa.Column("state", Word(NoticeState), nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),
    sa.Column("error", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Column("next_at", sa.Double, nullable=False),
    sa.Column("bisection", Number),
    sa.Index(None, "build"),
    sa.Index(None, "state", "next_at"),
    sqlite_autoincrement=True,
)

own_channel = sa.Table(
    "own_channel",
    metadata,
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("address", sa.LargeBinary, nullable=False),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)

"""The table of searches for the commit that broke a branch."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Moment, Number, Snapshot, Word
from bot.adapters.store_sql.tables import metadata
from bot.domain.bisecting import BisectionState
from bot.domain.refs import Sha

bisection = sa.Table(
    "bisection",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), nullable=False),
    sa.Column("build", Number, sa.ForeignKey("build.id"), nullable=False),
    sa.Column("run", sa.Text, sa.ForeignKey("run.id"), nullable=False),
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("suite", sa.Text, nullable=False),
    sa.Column("good", sa.Text, nullable=False),
    sa.Column("commits", Snapshot(tuple[Sha, ...]), nullable=False),
    sa.Column("untestable", Snapshot(tuple[Sha, ...]), nullable=False),
    sa.Column("state", Word(BisectionState), nullable=False),
    sa.Column("first_bad", sa.Text),
    sa.Column("note", sa.Text, nullable=False),
    sa.Column("author", sa.Text, nullable=False, server_default=""),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("finished_at", Moment),
    sa.UniqueConstraint("run"),
    sa.Index(None, "build"),
    sa.Index(None, "state"),
    sqlite_autoincrement=True,
)

"""The tables of test results: names once, results as narrow rows, texts of failures apart."""

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Number, Snapshot, Word
from bot.adapters.store_sql.tables import metadata
from bot.domain.results import Outcome, Results

test = sa.Table(
    "test",
    metadata,
    sa.Column("id", Number, primary_key=True, autoincrement=True),
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), nullable=False),
    sa.Column("suite", sa.Text, nullable=False),
    sa.Column("cell", sa.Text, nullable=False),
    sa.Column("name", sa.Text, nullable=False),
    sa.UniqueConstraint("repository", "suite", "cell", "name"),
    sqlite_autoincrement=True,
)

test_result = sa.Table(
    "test_result",
    metadata,
    sa.Column("test", Number, sa.ForeignKey("test.id"), primary_key=True),
    sa.Column("run", Number, sa.ForeignKey("run.number"), primary_key=True),
    sa.Column("outcome", Word(Outcome), nullable=False),
    sa.Column("seconds", sa.Double),
    sa.Index(None, "run"),
)

test_failure = sa.Table(
    "test_failure",
    metadata,
    sa.Column("run", Number, sa.ForeignKey("run.number"), primary_key=True),
    sa.Column("test", Number, sa.ForeignKey("test.id"), primary_key=True),
    sa.Column("message", sa.Text, nullable=False),
    sa.Column("details", sa.Text, nullable=False),
    sa.Column("file", sa.Text, nullable=False),
    sa.Column("line", sa.Integer, nullable=False),
    sa.Index(None, "test"),
)

shard_plan = sa.Table(
    "shard_plan",
    metadata,
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), primary_key=True),
    sa.Column("sha", sa.Text, primary_key=True),
    sa.Column("suite", sa.Text, primary_key=True),
    sa.Column("cell", sa.Text, primary_key=True),
    sa.Column("shards", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index(None, "at"),
)

mute = sa.Table(
    "mute",
    metadata,
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), primary_key=True),
    sa.Column("suite", sa.Text, primary_key=True),
    sa.Column("name", sa.Text, primary_key=True),
    sa.Column("until", sa.Text, nullable=False),
    sa.Column("reason", sa.Text, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
)

run_result = sa.Table(
    "run_result",
    metadata,
    sa.Column("run", Number, sa.ForeignKey("run.number"), primary_key=True),
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), nullable=False),
    sa.Column("suite", sa.Text, nullable=False),
    sa.Column("cell", sa.Text, nullable=False),
    sa.Column("branch", sa.Text, nullable=False),
    sa.Column("build", Number, sa.ForeignKey("build.id"), nullable=False),
    sa.Column("sha", sa.Text, nullable=False),
    sa.Column("results", Snapshot(Results), nullable=False),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index(None, "repository", "suite", "cell", "branch", "build"),
    sa.Index(None, "repository", "sha"),
    sa.Index(None, "at"),
)

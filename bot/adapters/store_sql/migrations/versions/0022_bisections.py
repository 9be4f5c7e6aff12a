"""Searches for the commit that broke a branch; their runs speak for nothing else."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "bisection",
        sa.Column("id", number, autoincrement=True),
        sa.Column("repository", number, nullable=False),
        sa.Column("build", number, nullable=False),
        sa.Column("run", sa.Text, nullable=False),
        sa.Column("branch", sa.Text, nullable=False),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("good", sa.Text, nullable=False),
        sa.Column("commits", sa.Text, nullable=False),
        sa.Column("untestable", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("first_bad", sa.Text),
        sa.Column("note", sa.Text, nullable=False),
        sa.Column("actor", sa.Text, nullable=False),
        sa.Column("created_at", sa.Double, nullable=False),
        sa.Column("finished_at", sa.Double),
        sa.PrimaryKeyConstraint("id", name="pk_bisection"),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_bisection_repository"),
        sa.ForeignKeyConstraint(["build"], ["build.id"], name="fk_bisection_build"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_bisection_run"),
        sa.UniqueConstraint("run", name="uq_bisection_run"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_bisection_build", "bisection", ["build"])
    op.create_index("ix_bisection_state", "bisection", ["state"])
    op.add_column("run", sa.Column("bisection", number))
    op.create_index("ix_run_bisection", "run", ["bisection"])
    op.add_column("notice", sa.Column("bisection", number))

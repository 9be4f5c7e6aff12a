"""Test results."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "test",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_test"),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_test_repository"),
        sa.UniqueConstraint("repository", "suite", "cell", "name", name="uq_test_repository_suite_cell_name"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "test_result",
        sa.Column("test", NUMBER, nullable=False),
        sa.Column("run", NUMBER, nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("seconds", sa.Double()),
        sa.PrimaryKeyConstraint("test", "run", name="pk_test_result"),
        sa.ForeignKeyConstraint(["test"], ["test.id"], name="fk_test_result_test"),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name="fk_test_result_run"),
    )
    op.create_index("ix_test_result_run", "test_result", ["run"])
    op.create_table(
        "test_failure",
        sa.Column("run", NUMBER, nullable=False),
        sa.Column("test", NUMBER, nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("details", sa.Text(), nullable=False),
        sa.Column("file", sa.Text(), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.PrimaryKeyConstraint("run", "test", name="pk_test_failure"),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name="fk_test_failure_run"),
        sa.ForeignKeyConstraint(["test"], ["test.id"], name="fk_test_failure_test"),
    )
    op.create_table(
        "run_result",
        sa.Column("run", NUMBER, nullable=False),
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("cell", sa.Text(), nullable=False),
        sa.Column("branch", sa.Text(), nullable=False),
        sa.Column("build", NUMBER, nullable=False),
        sa.Column("sha", sa.Text(), nullable=False),
        sa.Column("results", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("run", name="pk_run_result"),
        sa.ForeignKeyConstraint(["run"], ["run.number"], name="fk_run_result_run"),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_run_result_repository"),
        sa.ForeignKeyConstraint(["build"], ["build.id"], name="fk_run_result_build"),
    )
    op.create_index(
        "ix_run_result_repository_suite_cell_branch_build",
        "run_result",
        ["repository", "suite", "cell", "branch", "build"],
    )
    op.create_index("ix_run_result_at", "run_result", ["at"])

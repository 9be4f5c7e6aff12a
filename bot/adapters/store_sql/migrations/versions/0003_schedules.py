"""When suites are due by their schedule."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "schedule",
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("cron", sa.Text(), nullable=False),
        sa.Column("timezone", sa.Text(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_schedule_repository"),
        sa.PrimaryKeyConstraint("repository", "suite", name="pk_schedule"),
    )
    op.create_index("ix_schedule_due_at", "schedule", ["due_at"])

"""Which shard of a suite runs what at a commit."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    op.create_table(
        "shard_plan",
        sa.Column("repository", number, nullable=False),
        sa.Column("sha", sa.Text, nullable=False),
        sa.Column("suite", sa.Text, nullable=False),
        sa.Column("cell", sa.Text, nullable=False),
        sa.Column("shards", sa.Integer, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("at", sa.Double, nullable=False),
        sa.PrimaryKeyConstraint("repository", "sha", "suite", "cell", "shards", name="pk_shard_plan"),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_shard_plan_repository"),
    )
    op.create_index("ix_shard_plan_at", "shard_plan", ["at"])

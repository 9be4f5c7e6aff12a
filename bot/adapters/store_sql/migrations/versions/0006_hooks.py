"""Webhooks of repositories."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "hook",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("number", sa.BigInteger()),
        sa.Column("secret", sa.LargeBinary(), nullable=False),
        sa.Column("other", sa.LargeBinary()),
        sa.Column("other_until", sa.Double()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("heard_at", sa.Double()),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_hook_repository"),
        sa.PrimaryKeyConstraint("id", name="pk_hook"),
        sa.UniqueConstraint("repository", name="uq_hook_repository"),
    )

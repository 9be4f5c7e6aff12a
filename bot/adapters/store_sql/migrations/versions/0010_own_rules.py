"""What is set for single repositories."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "own_rules",
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_own_rules_repository"),
        sa.PrimaryKeyConstraint("repository", name="pk_own_rules"),
    )

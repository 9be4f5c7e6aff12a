"""Workers, and what runs ask of them."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"


def upgrade() -> None:
    op.create_table(
        "worker",
        sa.Column("process", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("labels", sa.Text(), nullable=False),
        sa.Column("slots", sa.Integer(), nullable=False),
        sa.Column("cpus", sa.Double(), nullable=False),
        sa.Column("memory", sa.BigInteger(), nullable=False),
        sa.Column("draining", sa.Boolean(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("process", name="pk_worker"),
    )
    op.add_column("run", sa.Column("runs_on", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("run", sa.Column("cpus", sa.Double()))
    op.add_column("run", sa.Column("memory", sa.BigInteger()))

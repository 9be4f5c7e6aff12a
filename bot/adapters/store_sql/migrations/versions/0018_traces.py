"""Traces go on where a process ended, and how long a run has waited is known."""

import sqlalchemy as sa
from alembic import op

revision = "0018"
down_revision = "0017"


def upgrade() -> None:
    op.add_column("delivery", sa.Column("trace", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("build", sa.Column("trace", sa.Text(), nullable=False, server_default=sa.text("''")))
    op.add_column("run", sa.Column("free_at", sa.Double()))

"""Where a script's output begins, so that another process can go on reading it."""

import sqlalchemy as sa
from alembic import op

revision = "0027"
down_revision = "0026"


def upgrade() -> None:
    op.add_column("run", sa.Column("output_at", sa.BigInteger()))

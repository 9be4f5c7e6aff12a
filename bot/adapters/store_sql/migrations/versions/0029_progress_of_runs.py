"""How many tests the output of a running suite has told of."""

import sqlalchemy as sa
from alembic import op

revision = "0029"
down_revision = "0028"


def upgrade() -> None:
    op.add_column("run", sa.Column("progress", sa.Text()))

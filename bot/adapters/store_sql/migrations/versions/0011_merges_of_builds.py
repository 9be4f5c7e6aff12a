"""What a build tests when it is not the commit itself."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.add_column("build", sa.Column("merge", sa.Text()))

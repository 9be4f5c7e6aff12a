"""Who wrote the commit that a search has found."""

import sqlalchemy as sa
from alembic import op

revision = "0028"
down_revision = "0027"


def upgrade() -> None:
    op.add_column("bisection", sa.Column("author", sa.Text(), nullable=False, server_default=""))

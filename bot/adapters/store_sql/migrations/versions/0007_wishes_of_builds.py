"""What a build's suite file says without effect, and how it wants people to be told."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column("build", sa.Column("warnings", sa.Text(), nullable=False, server_default=sa.text("'[]'")))
    op.add_column("build", sa.Column("pull_requests", sa.Text(), nullable=False, server_default=sa.text("'{}'")))

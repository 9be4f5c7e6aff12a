"""What a repository's own quotas allow is asked for when a run is claimed."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.add_column("own_rules", sa.Column("runs_max", sa.Integer))
    op.add_column("own_rules", sa.Column("stranger_runs_max", sa.Integer))

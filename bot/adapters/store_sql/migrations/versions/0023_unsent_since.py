"""How long a check has waited to be shown."""

import sqlalchemy as sa
from alembic import op

revision = "0023"
down_revision = "0022"


def upgrade() -> None:
    op.add_column("report", sa.Column("unsent_since", sa.Double()))

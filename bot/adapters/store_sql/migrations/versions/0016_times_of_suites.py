"""How long a suite took before is found by its name."""

from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_index("ix_run_repository_suite_key_number", "run", ["repository", "suite_key", "number"])

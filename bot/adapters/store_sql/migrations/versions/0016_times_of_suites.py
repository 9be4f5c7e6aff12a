"""How long a suite took before is found by its name."""

from bot.adapters.store_sql.widening import add_index

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    add_index("ix_run_repository_suite_key_number", "run", ["repository", "suite_key", "number"])

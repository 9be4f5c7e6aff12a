"""Flaky tests are found from their failures and their commits."""

from bot.adapters.store_sql.widening import add_index

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    add_index("ix_test_failure_test", "test_failure", ["test"])
    add_index("ix_run_result_repository_sha", "run_result", ["repository", "sha"])

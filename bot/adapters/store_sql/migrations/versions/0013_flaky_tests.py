"""Flaky tests are found from their failures and their commits."""

from alembic import op

revision = "0013"
down_revision = "0012"


def upgrade() -> None:
    op.create_index("ix_test_failure_test", "test_failure", ["test"])
    op.create_index("ix_run_result_repository_sha", "run_result", ["repository", "sha"])

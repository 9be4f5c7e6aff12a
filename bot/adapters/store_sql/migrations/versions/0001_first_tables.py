"""The first tables."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

NUMBER = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _intake()
    _builds()
    _runs()
    _reports()
    _logs()
    _ledger()
    _conversations()
    _secrets()
    _artifacts()
    _programs()


def _intake() -> None:
    op.create_table(
        "repository",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("forge", sa.Text(), nullable=False),
        sa.Column("forge_id", sa.BigInteger(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("path_key", sa.Text(), nullable=False),
        sa.Column("named_at", sa.Double(), nullable=False),
        sa.Column("private", sa.Boolean(), nullable=False),
        sa.Column("default_branch", sa.Text(), nullable=False),
        sa.Column("web_url", sa.Text(), nullable=False),
        sa.Column("clone_url", sa.Text(), nullable=False),
        sa.Column("installation", sa.BigInteger()),
        sa.PrimaryKeyConstraint("id", name="pk_repository"),
        sa.UniqueConstraint("forge", "forge_id", name="uq_repository_forge_forge_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_repository_forge_path_key", "repository", ["forge", "path_key"])
    op.create_table(
        "delivery",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("forge", sa.Text(), nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("payload", sa.LargeBinary()),
        sa.Column("received_at", sa.Double(), nullable=False),
        sa.Column("due_at", sa.Double(), nullable=False),
        sa.Column("lease_until", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_delivery"),
        sa.UniqueConstraint("forge", "key", name="uq_delivery_forge_key"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_delivery_finished_at",
        "delivery",
        ["finished_at"],
        sqlite_where=sa.text("payload IS NOT NULL"),
        postgresql_where=sa.text("payload IS NOT NULL"),
    )
    op.create_index("ix_delivery_status_due_at", "delivery", ["status", "due_at"])


def _builds() -> None:
    op.create_table(
        "build",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("sha", sa.Text(), nullable=False),
        sa.Column("cause", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("base_ref", sa.Text(), nullable=False),
        sa.Column("base_sha", sa.Text()),
        sa.Column("change", sa.BigInteger()),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("sender_id", sa.BigInteger(), nullable=False),
        sa.Column("sender", sa.Text(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("approved", sa.Boolean(), nullable=False),
        sa.Column("suite_file", sa.Text(), nullable=False),
        sa.Column("problems", sa.Text(), nullable=False),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("risky_paths", sa.Text(), nullable=False),
        sa.Column("head_at", sa.Double()),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_build_repository"),
        sa.PrimaryKeyConstraint("id", name="pk_build"),
        sa.UniqueConstraint("key", name="uq_build_key"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_build_repository_change", "build", ["repository", "change"])
    op.create_index("ix_build_repository_ref", "build", ["repository", "ref"])
    op.create_index("ix_build_repository_sha", "build", ["repository", "sha"])
    op.create_table(
        "approval",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("build", NUMBER, nullable=False),
        sa.Column("sha", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("forge_user_id", sa.BigInteger()),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["build"], ["build.id"], name="fk_approval_build"),
        sa.PrimaryKeyConstraint("id", name="pk_approval"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_approval_build", "approval", ["build"])


def _runs() -> None:
    op.create_table(
        "run",
        sa.Column("number", NUMBER, autoincrement=True, nullable=False),
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("build", NUMBER, nullable=False),
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("sha", sa.Text(), nullable=False),
        sa.Column("suite_key", sa.Text(), nullable=False),
        sa.Column("suite", sa.Text(), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("blocked", sa.Boolean(), nullable=False),
        sa.Column("trust", sa.Text(), nullable=False),
        sa.Column("state", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text()),
        sa.Column("note", sa.Text(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("attempt", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text()),
        sa.Column("lease_until", sa.Double()),
        sa.Column("cancel", sa.Text()),
        sa.Column("cancel_note", sa.Text(), nullable=False),
        sa.Column("exit_code", sa.BigInteger()),
        sa.Column("out_of_memory", sa.Boolean(), nullable=False),
        sa.Column("peak_memory", sa.BigInteger()),
        sa.Column("cpu_seconds", sa.Double()),
        sa.Column("tail", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("started_at", sa.Double()),
        sa.Column("finished_at", sa.Double()),
        sa.Column("since", sa.Double(), nullable=False),
        sa.CheckConstraint(
            "(state IN ('preparing', 'running', 'finalizing')) = (lease_until IS NOT NULL)", name=op.f("ck_run_lease")
        ),
        sa.CheckConstraint(
            "state IN ('awaiting_approval', 'queued', 'preparing', 'running', 'finalizing', 'passed', 'failed', "
            "'timed_out', 'cancelled', 'errored', 'superseded', 'rejected', 'skipped')",
            name=op.f("ck_run_state"),
        ),
        sa.ForeignKeyConstraint(["build"], ["build.id"], name="fk_run_build"),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_run_repository"),
        sa.PrimaryKeyConstraint("number", name="pk_run"),
        sa.UniqueConstraint("id", name="uq_run_id"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_build", "run", ["build"])
    op.create_index("ix_run_repository_sha_suite_key", "run", ["repository", "sha", "suite_key"])
    op.create_index("ix_run_state", "run", ["state"])
    op.create_table(
        "build_run",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("build", NUMBER, nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["build"], ["build.id"], name="fk_build_run_build"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_build_run_run"),
        sa.PrimaryKeyConstraint("id", name="pk_build_run"),
        sa.UniqueConstraint("build", "run", name="uq_build_run_build_run"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_build_run_run", "build_run", ["run"])
    op.create_table(
        "run_event",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("seq", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("before", sa.Text()),
        sa.Column("after", sa.Text(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_run_event_run"),
        sa.PrimaryKeyConstraint("run", "seq", name="pk_run_event"),
    )
    op.create_table(
        "attempt",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("n", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("started_at", sa.Double(), nullable=False),
        sa.Column("ended_at", sa.Double()),
        sa.Column("outcome", sa.Text()),
        sa.Column("reason", sa.Text()),
        sa.Column("exit_code", sa.BigInteger()),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_attempt_run"),
        sa.PrimaryKeyConstraint("run", "n", name="pk_attempt"),
    )


def _reports() -> None:
    op.create_table(
        "report",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("sha", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("build", NUMBER, nullable=False),
        sa.Column("run", sa.Text()),
        sa.Column("version", sa.Integer(), nullable=False),
        sa.Column("sent_version", sa.Integer(), nullable=False),
        sa.Column("dead_version", sa.Integer(), nullable=False),
        sa.Column("ref", sa.Text()),
        sa.Column("ended", sa.Boolean(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("ambiguous", sa.Boolean(), nullable=False),
        sa.Column("attempts", sa.Integer(), nullable=False),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("next_at", sa.Double(), nullable=False),
        sa.Column("lease_until", sa.Double()),
        sa.Column("error", sa.Text(), nullable=False),
        sa.CheckConstraint("sent_version <= version", name=op.f("ck_report_sent")),
        sa.ForeignKeyConstraint(["build"], ["build.id"], name="fk_report_build"),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_report_repository"),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_report_run"),
        sa.PrimaryKeyConstraint("id", name="pk_report"),
        sa.UniqueConstraint("repository", "sha", "name", name="uq_report_repository_sha_name"),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_report_next_at",
        "report",
        ["next_at"],
        sqlite_where=sa.text("version > sent_version AND version > dead_version"),
        postgresql_where=sa.text("version > sent_version AND version > dead_version"),
    )


def _logs() -> None:
    op.create_table(
        "log",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("closed", sa.Boolean(), nullable=False),
        sa.Column("members", sa.Text()),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_log_run"),
        sa.PrimaryKeyConstraint("run", name="pk_log"),
    )
    op.create_table(
        "log_chunk",
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("start", sa.BigInteger(), autoincrement=False, nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_log_chunk_run"),
        sa.PrimaryKeyConstraint("run", "start", name="pk_log_chunk"),
    )


def _ledger() -> None:
    op.create_table(
        "audit",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("repository", NUMBER),
        sa.Column("at", sa.Double(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.Column("action", sa.Text(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_audit_repository"),
        sa.PrimaryKeyConstraint("id", name="pk_audit"),
        sqlite_autoincrement=True,
    )
    op.create_table(
        "duty",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("owner", sa.Text(), nullable=False),
        sa.Column("until", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("name", name="pk_duty"),
    )


def _conversations() -> None:
    op.create_table(
        "standing_approval",
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("forge_user_id", sa.BigInteger(), nullable=False),
        sa.Column("login", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_standing_approval_repository"),
        sa.PrimaryKeyConstraint("repository", "change", name="pk_standing_approval"),
    )
    op.create_table(
        "command",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("comment", sa.BigInteger(), nullable=False),
        sa.Column("forge_user_id", sa.BigInteger(), nullable=False),
        sa.Column("outcome", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_command_repository"),
        sa.PrimaryKeyConstraint("id", name="pk_command"),
        sa.UniqueConstraint("repository", "comment", name="uq_command_repository_comment"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_command_repository_change_at", "command", ["repository", "change", "at"])
    op.create_table(
        "reply",
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("change", sa.Integer(), nullable=False),
        sa.Column("topic", sa.Text(), nullable=False),
        sa.Column("ref", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_reply_repository"),
        sa.PrimaryKeyConstraint("repository", "change", "topic", name="pk_reply"),
    )


def _programs() -> None:
    op.create_table(
        "token",
        sa.Column("id", sa.Text(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("scopes", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("expires_at", sa.Double()),
        sa.Column("revoked_at", sa.Double()),
        sa.Column("used_at", sa.Double()),
        sa.PrimaryKeyConstraint("id", name="pk_token"),
    )
    op.create_table(
        "call",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("body", sa.Text(), nullable=False),
        sa.Column("trigger", sa.Text(), nullable=False),
        sa.Column("at", sa.Double(), nullable=False),
        sa.PrimaryKeyConstraint("key", name="pk_call"),
    )
    op.create_index("ix_call_at", "call", ["at"])


def _secrets() -> None:
    op.create_table(
        "secret",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("repository", NUMBER, nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("updated_at", sa.Double(), nullable=False),
        sa.Column("actor", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["repository"], ["repository.id"], name="fk_secret_repository"),
        sa.PrimaryKeyConstraint("id", name="pk_secret"),
        sa.UniqueConstraint("repository", "name", name="uq_secret_repository_name"),
        sqlite_autoincrement=True,
    )


def _artifacts() -> None:
    op.create_table(
        "artifact",
        sa.Column("id", NUMBER, autoincrement=True, nullable=False),
        sa.Column("run", sa.Text(), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("sha256", sa.Text(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("skipped", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Double(), nullable=False),
        sa.Column("keep_until", sa.Double(), nullable=False),
        sa.ForeignKeyConstraint(["run"], ["run.id"], name="fk_artifact_run"),
        sa.PrimaryKeyConstraint("id", name="pk_artifact"),
        sa.UniqueConstraint("run", "path", name="uq_artifact_run_path"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_artifact_keep_until", "artifact", ["keep_until"])
    op.create_index("ix_artifact_sha256", "artifact", ["sha256"])

"""The tables; a test compares them with what the migrations make.

Columns of type Double hold seconds since 1970 by the database's clock; Moments come from the application.
"""

from typing import Final

import sqlalchemy as sa

from bot.adapters.store_sql.columns import Moment, Number, Snapshot, Word
from bot.domain.catalog import Chosen
from bot.domain.errors import Problem
from bot.domain.runs import MOVES, Cause, Group, Merge, Progress, Reason, RunState, Trust
from bot.domain.suites import PullRequests, Suite
from bot.domain.tokens import Bound, Scope
from bot.ports.artifacts import ArtifactKind
from bot.ports.deliveries import DeliveryStatus

CLAIMED: Final = tuple(state for state in RunState if state.is_claimed)
UNFINISHED: Final = tuple(MOVES)

metadata = sa.MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def _text(name: str) -> sa.Column[str]:
    return sa.Column(name, sa.Text, nullable=False)


def _count(name: str) -> sa.Column[int]:
    return sa.Column(name, sa.Integer, nullable=False)


def _flag(name: str) -> sa.Column[bool]:
    return sa.Column(name, sa.Boolean, nullable=False)


def _id() -> sa.Column[int]:
    return sa.Column("id", Number, primary_key=True, autoincrement=True)


def _to(target: str) -> sa.Column[int]:
    return sa.Column(target, Number, sa.ForeignKey(f"{target}.id"), nullable=False)


def _run(*, key: bool = False, nullable: bool = False) -> sa.Column[str]:
    return sa.Column("run", sa.Text, sa.ForeignKey("run.id"), primary_key=key, nullable=nullable)


repository = sa.Table(
    "repository",
    metadata,
    _id(),
    _text("forge"),
    sa.Column("forge_id", sa.BigInteger, nullable=False),
    _text("path"),
    _text("path_key"),
    sa.Column("named_at", sa.Double, nullable=False),
    _flag("private"),
    _text("default_branch"),
    _text("web_url"),
    _text("clone_url"),
    sa.Column("installation", sa.BigInteger),
    sa.UniqueConstraint("forge", "forge_id"),
    sa.Index(None, "forge", "path_key"),
    sqlite_autoincrement=True,
)

delivery = sa.Table(
    "delivery",
    metadata,
    _id(),
    _text("forge"),
    _text("key"),
    _text("name"),
    sa.Column("status", Word(DeliveryStatus), nullable=False),
    _text("reason"),
    _count("attempts"),
    sa.Column("payload", sa.LargeBinary),
    sa.Column("received_at", sa.Double, nullable=False),
    sa.Column("due_at", sa.Double, nullable=False),
    sa.Column("lease_until", sa.Double),
    sa.Column("finished_at", sa.Double),
    sa.Column("trace", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.UniqueConstraint("forge", "key"),
    sa.Index(None, "status", "due_at"),
    sqlite_autoincrement=True,
)
sa.Index(
    "ix_delivery_finished_at",
    delivery.c.finished_at,
    sqlite_where=delivery.c.payload.is_not(None),
    postgresql_where=delivery.c.payload.is_not(None),
)

build = sa.Table(
    "build",
    metadata,
    _id(),
    _text("key"),
    _to("repository"),
    _text("sha"),
    sa.Column("cause", Word(Cause), nullable=False),
    _text("ref"),
    _text("base_ref"),
    sa.Column("base_sha", sa.Text),
    sa.Column("merge", Snapshot(Merge)),
    sa.Column("change", sa.BigInteger),
    _text("title"),
    sa.Column("sender_id", sa.BigInteger, nullable=False),
    _text("sender"),
    sa.Column("trust", Word(Trust), nullable=False),
    sa.Column("author_id", sa.BigInteger, nullable=False),
    _flag("approved"),
    _text("suite_file"),
    sa.Column("chosen", Snapshot(Chosen)),
    sa.Column("problems", Snapshot(tuple[Problem, ...]), nullable=False),
    sa.Column("warnings", Snapshot(tuple[Problem, ...]), nullable=False, server_default=sa.text("'[]'")),
    sa.Column("pull_requests", Snapshot(PullRequests), nullable=False, server_default=sa.text("'{}'")),
    _text("note"),
    sa.Column("risky_paths", Snapshot(tuple[str, ...]), nullable=False),
    sa.Column("head_at", Moment),
    sa.Column("trace", sa.Text, nullable=False, server_default=sa.text("''")),
    sa.Column("created_at", Moment, nullable=False),
    sa.UniqueConstraint("key"),
    sa.Index(None, "repository", "change"),
    sa.Index(None, "repository", "sha"),
    sa.Index(None, "repository", "ref"),
    sqlite_autoincrement=True,
)

run = sa.Table(
    "run",
    metadata,
    sa.Column("number", Number, primary_key=True, autoincrement=True),
    sa.Column("id", sa.Text, nullable=False),
    _to("build"),
    _to("repository"),
    _text("sha"),
    _text("suite_key"),
    sa.Column("suite", Snapshot(Suite), nullable=False),
    _count("position"),
    sa.Column("runs_on", sa.Text, nullable=False, server_default=sa.text("''")),  # labels in order, joined by blanks
    sa.Column("cpus", sa.Double),
    sa.Column("memory", sa.BigInteger),
    _flag("blocked"),
    sa.Column("trust", Word(Trust), nullable=False),
    sa.Column("state", Word(RunState), nullable=False),
    sa.Column("reason", Word(Reason)),
    _text("note"),
    _count("fence"),
    _count("attempt"),
    sa.Column("failures", sa.Integer, nullable=False, server_default=sa.text("0")),
    sa.Column("repeats", sa.Text),
    sa.Column("bisection", Number),
    sa.Column("owner", sa.Text),
    sa.Column("lease_until", sa.Double),
    sa.Column("cancel", Word(Reason)),
    _text("cancel_note"),
    sa.Column("exit_code", sa.BigInteger),
    _flag("out_of_memory"),
    sa.Column("peak_memory", sa.BigInteger),
    sa.Column("cpu_seconds", sa.Double),
    _text("tail"),
    sa.Column("output_at", sa.BigInteger),
    sa.Column("log_groups", Snapshot(tuple[Group, ...])),
    sa.Column("progress", Snapshot(Progress)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    sa.Column("since", sa.Double, nullable=False),  # when it was stored or approved
    sa.Column("free_at", sa.Double),  # when it could be claimed, the last time
    sa.UniqueConstraint("id"),
    sa.Index(None, "build"),
    sa.Index(None, "repository", "sha", "suite_key"),
    sa.Index(None, "repository", "suite_key", "number"),
    sa.Index(None, "bisection"),
    sa.Index(None, "state"),
    sa.CheckConstraint(f"state IN ({', '.join(repr(str(state)) for state in RunState)})", name="state"),
    sa.CheckConstraint(
        f"(state IN ({', '.join(repr(str(state)) for state in CLAIMED)})) = (lease_until IS NOT NULL)", name="lease"
    ),
    sqlite_autoincrement=True,
)

build_run = sa.Table(
    "build_run",
    metadata,
    _id(),
    _to("build"),
    _run(),
    sa.UniqueConstraint("build", "run"),
    sa.Index(None, "run"),
    sqlite_autoincrement=True,
)

run_event = sa.Table(
    "run_event",
    metadata,
    _run(key=True),
    sa.Column("seq", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("before", Word(RunState)),
    sa.Column("after", Word(RunState), nullable=False),
    _text("actor"),
    sa.Column("at", sa.Double, nullable=False),
    _text("detail"),
)

attempt = sa.Table(
    "attempt",
    metadata,
    _run(key=True),
    sa.Column("n", sa.Integer, primary_key=True, autoincrement=False),
    _count("fence"),
    _text("owner"),
    sa.Column("started_at", sa.Double, nullable=False),
    sa.Column("ended_at", sa.Double),
    sa.Column("outcome", Word(RunState)),  # queued: it was given back
    sa.Column("reason", Word(Reason)),
    sa.Column("exit_code", sa.BigInteger),
)

report = sa.Table(
    "report",
    metadata,
    _id(),
    _to("repository"),
    _text("sha"),
    _text("name"),
    _to("build"),
    _run(nullable=True),
    _count("version"),
    _count("sent_version"),
    _count("dead_version"),
    sa.Column("ref", sa.Text),
    _flag("ended"),
    _text("digest"),
    _flag("ambiguous"),
    _count("attempts"),
    _count("fence"),
    sa.Column("next_at", sa.Double, nullable=False),
    sa.Column("lease_until", sa.Double),
    _text("error"),
    sa.Column("unsent_since", sa.Double),
    sa.UniqueConstraint("repository", "sha", "name"),
    sa.CheckConstraint("sent_version <= version", name="sent"),
    sqlite_autoincrement=True,
)
UNSENT: Final = sa.and_(report.c.version > report.c.sent_version, report.c.version > report.c.dead_version)
sa.Index("ix_report_next_at", report.c.next_at, sqlite_where=UNSENT, postgresql_where=UNSENT)

approval = sa.Table(
    "approval",
    metadata,
    _id(),
    _to("build"),
    _text("sha"),
    _text("actor"),
    sa.Column("forge_user_id", sa.BigInteger),
    _text("login"),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index(None, "build"),
    sqlite_autoincrement=True,
)

standing_approval = sa.Table(
    "standing_approval",
    metadata,
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), primary_key=True),
    sa.Column("change", sa.Integer, primary_key=True),
    sa.Column("forge_user_id", sa.BigInteger, nullable=False),
    _text("login"),
    sa.Column("at", sa.Double, nullable=False),
)

command = sa.Table(
    "command",
    metadata,
    _id(),
    _to("repository"),
    _count("change"),
    sa.Column("comment", sa.BigInteger, nullable=False),
    sa.Column("forge_user_id", sa.BigInteger, nullable=False),
    _text("outcome"),
    sa.Column("at", sa.Double, nullable=False),
    sa.UniqueConstraint("repository", "comment"),
    sa.Index(None, "repository", "change", "at"),
    sqlite_autoincrement=True,
)

reply = sa.Table(
    "reply",
    metadata,
    sa.Column("repository", Number, sa.ForeignKey("repository.id"), primary_key=True),
    sa.Column("change", sa.Integer, primary_key=True),
    sa.Column("topic", sa.Text, primary_key=True),
    _text("ref"),
    sa.Column("at", sa.Double, nullable=False),
)

audit = sa.Table(
    "audit",
    metadata,
    _id(),
    sa.Column("repository", Number, sa.ForeignKey("repository.id")),
    sa.Column("at", sa.Double, nullable=False),
    _text("actor"),
    _text("action"),
    _text("subject"),
    _text("detail"),
    sqlite_autoincrement=True,
)

token = sa.Table(
    "token",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    _text("name"),
    _text("digest"),
    sa.Column("scopes", Snapshot(tuple[Scope, ...]), nullable=False),
    sa.Column("bound", Snapshot(Bound)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("expires_at", Moment),
    sa.Column("revoked_at", Moment),
    sa.Column("used_at", Moment),
)

call = sa.Table(
    "call",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    _text("body"),
    _text("trigger"),
    sa.Column("at", sa.Double, nullable=False),
    sa.Index(None, "at"),
)

duty = sa.Table(
    "duty",
    metadata,
    sa.Column("name", sa.Text, primary_key=True),
    _text("owner"),
    sa.Column("until", sa.Double, nullable=False),
)

log = sa.Table(
    "log",
    metadata,
    _run(key=True),
    sa.Column("size", sa.BigInteger, nullable=False),
    _flag("closed"),
    sa.Column("members", Snapshot(tuple[int, ...])),  # of the packed file: where each starts, then its end
)

log_chunk = sa.Table(
    "log_chunk",
    metadata,
    _run(key=True),
    sa.Column("start", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("data", sa.LargeBinary, nullable=False),
)

secret = sa.Table(
    "secret",
    metadata,
    _id(),
    _to("repository"),
    _text("name"),
    sa.Column("value", sa.LargeBinary, nullable=False),  # encrypted
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("updated_at", sa.Double, nullable=False),
    _text("actor"),
    sa.UniqueConstraint("repository", "name"),
    sqlite_autoincrement=True,
)

artifact = sa.Table(
    "artifact",
    metadata,
    _id(),
    _run(),
    _text("path"),
    _text("sha256"),
    sa.Column("size", sa.BigInteger, nullable=False),
    sa.Column("kind", Word(ArtifactKind), nullable=False),
    _text("skipped"),
    sa.Column("created_at", sa.Double, nullable=False),
    sa.Column("keep_until", sa.Double, nullable=False),
    sa.UniqueConstraint("run", "path"),
    sa.Index(None, "sha256"),
    sa.Index(None, "keep_until"),
    sqlite_autoincrement=True,
)

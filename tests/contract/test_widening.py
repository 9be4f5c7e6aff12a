"""PostgreSQL is brought to the tables of a newer version while processes of the older one write to it (F20)."""

import multiprocessing
import shutil
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import psycopg
import pytest
import sqlalchemy as sa

from bot.adapters.store_sql import SqlWork, open_engine, upgrade
from bot.adapters.store_sql.upgrade import MIGRATIONS
from bot.demo.forge.hooks import wait_until
from bot.domain.runs import RunState
from bot.ports.queue import Task
from tests.contract.store_values import AT, GITHUB, stored_run
from tests.plausible import add_rows

pytestmark = [pytest.mark.postgres, pytest.mark.timeout(180)]

_NEXT: Final = """
import sqlalchemy as sa
from alembic import op

revision, down_revision = "later_1", {head!r}


def upgrade() -> None:
    op.add_column("run", sa.Column("later", sa.Text(), nullable=False, server_default=sa.text("'old'")))
    op.create_table(
        "later",
        sa.Column("run", sa.Text(), sa.ForeignKey("run.id"), primary_key=True),
        sa.Column("build", sa.BigInteger(), sa.ForeignKey("build.id"), nullable=False),
    )
"""
_LAST: Final = """
from bot.adapters.store_sql.widening import add_index

revision, down_revision = "later_2", "later_1"


def upgrade() -> None:
    add_index("ix_run_later", "run", ["later"])
"""
_WAITS: Final = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'ALTER TABLE%'"
)
_VALID: Final = sa.text("SELECT indisvalid FROM pg_index WHERE indexrelid = 'ix_run_later'::regclass")


@pytest.fixture
def engine(postgres_url: str) -> Iterator[sa.Engine]:
    engine = open_engine(postgres_url, patience=5)
    with engine.begin() as connection:
        seen = sa.MetaData()
        for number in range(3):
            add_rows(connection, 1_000_000 + number, seen)  # far from those that the code is given
    yield engine
    engine.dispose()


@pytest.fixture
def newer(tmp_path: Path, engine: sa.Engine) -> Path:
    """The migrations of a version to come."""
    folder = tmp_path / "migrations"
    shutil.copytree(MIGRATIONS, folder)
    with engine.connect() as connection:
        head = connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar_one()
    (folder / "versions" / "later_1.py").write_text(_NEXT.format(head=head))
    (folder / "versions" / "later_2.py").write_text(_LAST)
    return folder


def _upgrade(url: str, migrations: Path) -> None:
    engine = open_engine(url)
    upgrade(engine, migrations)
    engine.dispose()


def _send_nothing(task: Task, *, delay: float = 0) -> None:
    pass


class Writers:
    """Processes of the older version: what they did, and what went wrong."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine
        self._keys = count()
        self._stop = threading.Event()
        self.done = 0

    def write(self) -> None:
        """A delivery, its run, a claim and an end, again and again."""
        while not self._stop.is_set():
            key = f"delivery {next(self._keys)}"
            with SqlWork(self._engine, _send_nothing) as unit:
                assert unit.deliveries.add(GITHUB, key, "push", b"{}")[1]
            with SqlWork(self._engine, _send_nothing) as unit:
                run = stored_run(unit)
            with SqlWork(self._engine, _send_nothing) as unit:
                claimed = unit.runs.claim(run.id, "worker", 60)
            assert claimed
            with SqlWork(self._engine, _send_nothing) as unit:
                assert unit.runs.save(claimed, claimed.ended(RunState.PASSED, None, AT), "worker")
            self.done += 1

    def wait_more(self, number: int) -> None:
        wanted = self.done + number
        wait_until(lambda: self.done >= wanted, 60, "nobody could write any more")

    @contextmanager
    def at_work(self) -> Iterator[None]:
        with ThreadPoolExecutor(2) as pool:
            writing = [pool.submit(self.write) for _ in range(2)]
            try:
                yield
            finally:
                self._stop.set()
        for one in writing:
            one.result()


def test_those_who_write_go_on_while_tables_are_widened(engine: sa.Engine, postgres_url: str, newer: Path) -> None:
    """Also while somebody reads for so long that the upgrade has to wait: its place in the line is not kept."""
    writers, spawn = Writers(engine), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=spawn) as another, writers.at_work():
        with psycopg.connect(postgres_url.replace("+psycopg", "")) as reader:
            reader.execute("SELECT count(*) FROM run")
            upgrading = another.submit(_upgrade, postgres_url, newer)
            _wait_for_its_turn(engine, upgrading)
            writers.wait_more(40)
            assert not upgrading.done()
        upgrading.result(120)
        writers.wait_more(10)
    with engine.connect() as connection:
        later = connection.execute(sa.text("SELECT DISTINCT later FROM run")).scalars().all()
        assert later == ["old"], "rows of before and rows that the older version wrote since"
        assert connection.execute(_VALID).scalar_one() is True
        passed = connection.execute(sa.text("SELECT count(*) FROM run WHERE owner IS NULL AND state = 'passed'"))
        assert passed.scalar_one() >= writers.done


def _wait_for_its_turn(engine: sa.Engine, upgrading: "Future[None]") -> None:
    def waits() -> bool:
        assert not upgrading.done(), upgrading.exception()
        with engine.connect() as connection:
            return bool(connection.execute(_WAITS).scalar_one())

    wait_until(waits, 60, "the upgrade does not wait for the reader")


def test_an_index_whose_building_was_cut_off_is_built_by_the_next(
    engine: sa.Engine, postgres_url: str, newer: Path
) -> None:
    with engine.begin() as connection:
        connection.execute(sa.text("ALTER TABLE run ADD COLUMN later text NOT NULL DEFAULT 'old'"))
        connection.execute(sa.text("CREATE INDEX ix_run_later ON run (later)"))
        connection.execute(
            sa.text("UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'ix_run_later'::regclass")
        )
        connection.execute(sa.text("UPDATE alembic_version SET version_num = 'later_1'"))
    _upgrade(postgres_url, newer)
    with engine.connect() as connection:
        assert connection.execute(_VALID).scalar_one() is True

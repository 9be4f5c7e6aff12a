"""Migrations lead to the tables of the code, at any start and from many processes."""

import contextlib
import multiprocessing
import sqlite3
from concurrent.futures import ProcessPoolExecutor, ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from bot.adapters.store_sql import open_engine, upgrade
from bot.adapters.store_sql.tables import metadata
from bot.domain.errors import Refused


def test_a_new_database_gets_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    engine = open_engine(f"sqlite:///{tmp_path}/store.db")
    upgrade(engine)
    with engine.connect() as connection:
        differences = compare_metadata(MigrationContext.configure(connection), metadata)
        made = _definitions(connection)
    engine.dispose()
    assert differences == []
    assert made == _wanted()


def test_upgrading_again_changes_nothing() -> None:
    engine = open_engine("sqlite://")
    upgrade(engine)
    with engine.connect() as connection:
        before = _definitions(connection)
    upgrade(engine)
    with engine.connect() as connection:
        assert _definitions(connection) == before
    engine.dispose()


def test_a_database_of_a_newer_version_is_refused_and_left_alone() -> None:
    engine = open_engine("sqlite://")
    upgrade(engine)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE alembic_version SET version_num = '9999'"))
    with pytest.raises(Refused, match=r"newer version of Assay .*9999"):
        upgrade(engine)
    engine.dispose()


def test_a_file_that_somebody_writes_to_for_long_is_waited_for(tmp_path: Path) -> None:
    """As the upgrade of another process does, which may take longer than any transaction."""
    file = tmp_path / "store.db"
    impatient = open_engine(f"sqlite:///{file}", patience=0.05)
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as writer, ThreadPoolExecutor(1) as pool:
        writer.execute("PRAGMA journal_mode = WAL")
        writer.execute("BEGIN IMMEDIATE")
        upgrading = pool.submit(upgrade, impatient)
        with pytest.raises(TimeoutError):
            upgrading.result(0.5)
        writer.execute("COMMIT")
        upgrading.result(30)
    impatient.dispose()


def test_threads_that_start_together_all_find_the_tables(tmp_path: Path) -> None:
    with ThreadPoolExecutor(4) as pool:
        assert list(pool.map(_upgrade_and_count, [f"sqlite:///{tmp_path}/store.db"] * 4)) == [0] * 4


def test_processes_that_start_together_all_find_the_tables(tmp_path: Path) -> None:
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(3, mp_context=spawn) as pool:
        assert list(pool.map(_upgrade_and_count, [f"sqlite:///{tmp_path}/store.db"] * 3)) == [0] * 3


def _upgrade_and_count(url: str) -> int:
    engine = open_engine(url)
    upgrade(engine)
    with engine.connect() as connection:
        runs: int = connection.execute(sa.text("SELECT count(*) FROM run")).scalar_one()
    engine.dispose()
    return runs


def _definitions(connection: sa.Connection) -> list[list[str]]:
    """Every table and index as SQLite has it, with the checks and conditions that Alembic doesn't compare."""
    query = sa.text("SELECT tbl_name, sql FROM sqlite_master WHERE sql IS NOT NULL")
    others = {"alembic_version", "sqlite_sequence"}
    texts = [row.sql for row in connection.execute(query) if row.tbl_name not in others]
    return sorted(sorted(" ".join(part.split()).strip(" ()") for part in text.split(",")) for text in texts)


def _wanted() -> list[list[str]]:
    engine = open_engine("sqlite://")
    with engine.begin() as connection:
        metadata.create_all(connection)
        wanted = _definitions(connection)
    engine.dispose()
    return wanted

"""A database of any revision, with rows in every table, comes to the tables of today and loses none."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import pytest
import sqlalchemy as sa
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.adapters.store_sql import open_engine, upgrade
from bot.adapters.store_sql.tables import metadata
from bot.adapters.store_sql.upgrade import MIGRATIONS
from tests.plausible import add_rows, count, read_all

pytestmark = pytest.mark.timeout(240)

_CONFIG: Final = Config()
_CONFIG.set_main_option("script_location", str(MIGRATIONS))
REVISIONS: Final = [one.revision for one in reversed([*ScriptDirectory.from_config(_CONFIG).walk_revisions()])]


@pytest.fixture(params=["sqlite", pytest.param("postgres", marks=pytest.mark.postgres)])
def engine(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[sa.Engine]:
    """Of a database without tables."""
    url = f"sqlite:///{tmp_path}/store.db"
    if request.param == "postgres":
        url = request.getfixturevalue("empty_url")
    engine = open_engine(url)
    yield engine
    engine.dispose()


def _migrate(connection: sa.Connection, revision: str) -> None:
    _CONFIG.attributes["connection"] = connection
    command.upgrade(_CONFIG, revision)


def test_rows_that_are_older_than_a_revision_come_along_through_each(engine: sa.Engine) -> None:
    """At each revision every table gets a row; what is older is migrated by all that follow."""
    seen, added = sa.MetaData(), dict[str, int]()
    with engine.begin() as connection:
        for number, revision in enumerate(REVISIONS, start=1):
            _migrate(connection, revision)
            add_rows(connection, number, seen)
            added = count(connection)
            assert all(added.values()), f"there is something in each table at {revision}"
        _assert_kept(added, connection)


def test_each_revision_keeps_what_is_there(engine: sa.Engine) -> None:
    """Revision by revision where the database is a server, each in a transaction of its own."""
    seen = sa.MetaData()
    with engine.begin() as connection:
        _migrate(connection, REVISIONS[0])
        for number in range(1, 4):
            add_rows(connection, number, seen)
        before = count(connection)
    upgrade(engine)
    with engine.connect() as connection:
        _assert_kept(before, connection)
        assert MigrationContext.configure(connection).get_current_heads() == (REVISIONS[-1],)


def _assert_kept(before: dict[str, int], connection: sa.Connection) -> None:
    """All rows are there and can be read, in the tables that the code knows."""
    assert all(before.values()), "there is something in each table"
    after = count(connection)
    assert after == {name: before.get(name, 0) for name in metadata.tables}
    assert read_all(connection) == after
    differences: list[Any] = compare_metadata(MigrationContext.configure(connection), metadata)
    assert differences == []

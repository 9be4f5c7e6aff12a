"""The stores that every contract test of the store and the logs runs against."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from bot.adapters.store_sql import SqlLogs, SqlWork, open_engine, upgrade
from bot.ports.logs import Logs
from bot.ports.queue import Task
from bot.ports.store import UnitOfWork

OpenWork = Callable[[], UnitOfWork]


@pytest.fixture
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return {"memory": "sqlite://", "file": f"sqlite:///{tmp_path}/store.db"}[getattr(request, "param", "memory")]


@pytest.fixture
def engine(store_url: str) -> Iterator[sa.Engine]:
    engine = open_engine(store_url)
    upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def hints() -> list[Task]:
    """What went to the queue."""
    return []


@pytest.fixture
def work(engine: sa.Engine, hints: list[Task]) -> OpenWork:
    return lambda: SqlWork(engine, hints.append)


@pytest.fixture
def logs(engine: sa.Engine, tmp_path: Path) -> Logs:
    return SqlLogs(engine, tmp_path / "logs")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Each test of a store runs for each adapter."""
    if "store_url" in metafunc.fixturenames:
        metafunc.parametrize("store_url", ["memory", "file"], indirect=True)

"""The stores that every contract test of the store and the logs runs against."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Final

import pytest
import sqlalchemy as sa

from bot.adapters.store_sql import SqlLogs, SqlWork, open_engine, upgrade
from bot.ports.logs import Logs
from bot.ports.queue import Task
from bot.ports.store import UnitOfWork
from tests import servers
from tests.memory import IN_MEMORY, open_copy

OpenWork = Callable[[], UnitOfWork]


SQLITE: Final = {
    "memory": IN_MEMORY,
    "file": "sqlite:///{folder}/store.db",
}
STORES: Final = [*SQLITE, pytest.param("postgres", marks=pytest.mark.postgres)]


@pytest.fixture(params=STORES)
def store_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "postgres":
        return str(request.getfixturevalue("postgres_url"))
    return SQLITE[request.param].format(folder=tmp_path)


@pytest.fixture
def engine(store_url: str) -> Iterator[sa.Engine]:
    if store_url == IN_MEMORY:
        engine = open_copy()
    else:
        engine = open_engine(store_url)
        upgrade(engine)
    yield engine
    engine.dispose()


@pytest.fixture
def hints() -> list[tuple[Task, float]]:
    """What went to the queue, each with its delay."""
    return []


@pytest.fixture
def work(engine: sa.Engine, hints: list[tuple[Task, float]]) -> OpenWork:
    def send(task: Task, *, delay: float = 0) -> None:
        hints.append((task, delay))

    return lambda: SqlWork(engine, send)


@pytest.fixture
def logs(engine: sa.Engine, tmp_path: Path) -> Logs:
    return SqlLogs(engine, tmp_path / "logs")


@pytest.fixture
def empty_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """A database without tables."""
    yield postgres_server.create("empty")
    postgres_server.drop("empty")

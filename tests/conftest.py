"""Tests that need a server are left out where there is none; not in CI, where nothing may be left out."""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from itertools import count
from typing import Final

import pytest
import structlog
from hypothesis import HealthCheck, settings

from bot.adapters.store_sql import open_engine, upgrade
from tests import servers
from tests.engines import engine_programs
from tests.images import DOCKER_HOST

settings.register_profile("assay", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("assay")  # how fast it is, benchmarks say

_PING: Final = "import docker; docker.from_env(timeout=5).ping()"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    if os.environ.get("CI") == "true":
        return
    for marker, (is_there, reason) in _NEEDS.items():
        needy = [item for item in items if item.get_closest_marker(marker)]
        if needy and not is_there():
            for item in needy:
                item.add_marker(pytest.mark.skip(reason=reason))


def _engine_answers() -> bool:
    """Asked by another process: the library leaves its socket open where nobody answers."""
    return subprocess.run([sys.executable, "-c", _PING], check=False, capture_output=True).returncode == 0  # noqa: S603  # our own interpreter


_NEEDS: Final = {
    "docker": (_engine_answers, f"no Docker engine answers at {DOCKER_HOST}"),
    "browser": (lambda: shutil.which("chromium"), "Chromium is not installed"),
    "postgres": (servers.postgres_programs, "PostgreSQL is not installed"),
    "engine": (engine_programs, "only root can start a Docker engine of its own"),
    "redis": (servers.redis_program, "redis-server is not installed"),
}
_numbers: Final = count(1)


@pytest.fixture(autouse=True)
def logs_as_at_first() -> Iterator[None]:
    """Commands that ran in this process have set up its logs."""
    yield
    structlog.reset_defaults()


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[servers.Postgres]:
    """With the database `made`, which has the tables and which others are copied from."""
    with servers.postgres() as server:
        engine = open_engine(server.create("made"))
        upgrade(engine)
        engine.dispose()
        yield server


@pytest.fixture
def postgres_url(postgres_server: servers.Postgres) -> Iterator[str]:
    """A database of its own with all tables."""
    name = f"test_{next(_numbers)}"
    yield postgres_server.create(name, "made")
    postgres_server.drop(name)


@pytest.fixture(scope="session")
def redis_server() -> Iterator[servers.Redis]:
    with servers.redis() as server:
        yield server


@pytest.fixture
def redis_url(redis_server: servers.Redis) -> str:
    """It is empty at the start of each test."""
    redis_server.call("FLUSHALL")
    return redis_server.url


@pytest.fixture(scope="session")
def s3_server() -> Iterator[servers.S3]:
    with servers.s3() as server:
        yield server

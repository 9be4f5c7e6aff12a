"""An installation of many processes for all tests of a file; each finds it whole."""

import sys
from collections.abc import Iterator

import pytest

from tests import servers
from tests.hosts.place import Hosts, hosts


@pytest.fixture(scope="module")
def installation(
    tmp_path_factory: pytest.TempPathFactory, postgres_server: servers.Postgres, s3_server: servers.S3
) -> Iterator[Hosts]:
    """What the processes wrote is shown when a test fails."""
    folder = tmp_path_factory.mktemp("hosts")
    database = postgres_server.create("hosts", "made")
    with hosts(folder, postgres_server, database, s3_server.url) as one:
        yield one
    postgres_server.drop("hosts")


@pytest.fixture
def here(installation: Hosts) -> Iterator[Hosts]:
    installation.start()
    installation.engine.happened.clear()
    yield installation
    sys.stderr.write(installation.output)

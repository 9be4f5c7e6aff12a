"""The world that use cases are walked through in."""

from pathlib import Path

import pytest

from tests import talks
from tests.walks import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def built(world: World) -> World:
    """As `talks.build`."""
    return talks.build(world)


@pytest.fixture
def waiting(world: World) -> World:
    """As `talks.wait`."""
    return talks.wait(world)

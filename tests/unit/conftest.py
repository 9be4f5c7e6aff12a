"""The world that use cases are walked through in."""

from pathlib import Path

import pytest

from tests.walks import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)

"""Tests that need an engine are left out where none answers; not in CI, where nothing may be left out."""

import os
import subprocess
import sys
from typing import Final

import pytest

from tests.images import DOCKER_HOST

_PING: Final = "import docker; docker.from_env(timeout=5).ping()"


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    needy = [item for item in items if item.get_closest_marker("docker")]
    if needy and os.environ.get("CI") != "true" and not _engine_answers():
        for item in needy:
            item.add_marker(pytest.mark.skip(reason=f"no Docker engine answers at {DOCKER_HOST}"))


def _engine_answers() -> bool:
    """Asked by another process: the library leaves its socket open where nobody answers."""
    return subprocess.run([sys.executable, "-c", _PING], check=False, capture_output=True).returncode == 0  # noqa: S603

"""An installation of its own for each test."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.place import Place, place


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Place]:
    """What the process wrote is shown when the test fails."""
    with place(tmp_path) as one:
        yield one
        sys.stderr.write(one.serve.output)

"""P10: what the whole product takes while nothing happens."""

import time
from collections.abc import Iterator
from typing import Final

from tests.bench.figures import Figure
from tests.bench.product import product

_SECONDS: Final = 20.0


def measure() -> Iterator[Figure]:
    with product() as running:
        time.sleep(3)
        before, began = running.cpu(), time.monotonic()
        time.sleep(_SECONDS)
        worked = (running.cpu() - before) / (time.monotonic() - began)
        memory = running.memory()
    yield Figure(name="P10", what="idle, in memory", value=memory, unit="MB", limit=110, against="goal")
    yield Figure(name="P10", what="idle, of one core", value=100 * worked, unit="%", limit=0.5, against="goal")

"""P11: reading the largest suite file there may be, and refusing a matrix that is far too large."""

import time
from collections.abc import Callable, Iterator
from typing import Final

from bot.app.suitefile import LIMIT, parse
from bot.domain.errors import InvalidSuiteFile
from tests.bench.figures import Figure

_TURNS: Final = 5
_GOAL: Final = 100.0


def measure() -> Iterator[Figure]:
    for what, data in (("largest suite file", largest()), ("matrix of 10,000 refused", too_many())):
        value = min(_milliseconds(lambda data=data: _read(data)) for _ in range(_TURNS))  # type: ignore[misc]  # the loop's value is bound
        yield Figure(name="P11", what=what, value=value, unit="ms", limit=_GOAL, against="goal")


def largest() -> bytes:
    """As many suites as are allowed, each with variables, to the last of the bytes and of the values."""
    head = "suites:\n"
    suites = "".join(
        f"  suite-{number}:\n    image: box:1\n    run: [make, make test]\n    env:\n"
        + "".join(f"      NAME_{each}: value {each}\n" for each in range(40))
        for number in range(100)
    )
    rest = LIMIT - len(head) - len(suites)
    return (head + suites + "# " + "x" * (rest - 3) + "\n").encode()


def too_many() -> bytes:
    axis = ", ".join(f"v{number}" for number in range(100))
    return f"suites: {{unit: {{image: box:1, run: x, matrix: {{a: [{axis}], b: [{axis}]}}}}}}\n".encode()


def _read(data: bytes) -> None:
    try:
        parse(".assay.yml", data)
    except InvalidSuiteFile as error:
        if error.problems[0].code != "C007":
            raise


def _milliseconds(work: Callable[[], None]) -> float:
    began = time.process_time()
    work()
    return 1000 * (time.process_time() - began)

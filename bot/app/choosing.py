"""Which suites and cells somebody means at the command line."""

from collections.abc import Mapping, Sequence
from difflib import get_close_matches
from typing import Final

from bot.domain.errors import BadInput
from bot.domain.suites import Occasion, Suite, SuiteFile

_USUAL: Final = frozenset({Occasion.PUSH, Occasion.PULL_REQUEST})


def chosen(
    file: SuiteFile, names: Sequence[str], axes: Mapping[str, str], shard: int | None = None
) -> tuple[Suite, ...]:
    """All cells of the named suites; without names of all that pushes or pull requests start.

    `axes` narrows the suites that have such an axis to the cells with that value, `shard` those that have shards.

    Raises:
        BadInput: a suite, an axis or a value is not there, or nothing is left to run.
    """
    known = list(dict.fromkeys(suite.name for suite in file.suites))
    for name in names:
        if name not in known:
            raise BadInput(f"there is no suite {name}{_guess(name, known)}")
    suites = [suite for suite in file.suites if (suite.name in names if names else _is_usual(suite))]
    if not suites:
        raise BadInput(f"pushes and pull requests start no suite; name one of {', '.join(known)}")
    for axis, value in axes.items():
        _check(suites, axis, value)
    if shard is not None and shard > max(suite.shards for suite in suites):
        raise BadInput(f"no suite to run has a shard {shard}")
    left = tuple(
        suite
        for suite in suites
        if (suite.shards == 1 or shard in (None, suite.shard))
        and all(dict(suite.cell).get(axis, value) == value for axis, value in axes.items())
    )
    if not left:
        raise BadInput("no cell has all these values together")
    return left


def _is_usual(suite: Suite) -> bool:
    return not suite.when.manual and not _USUAL.isdisjoint(suite.when.events)


def _check(suites: Sequence[Suite], axis: str, value: str) -> None:
    cells = [dict(suite.cell) for suite in suites]
    known = list(dict.fromkeys(name for cell in cells for name in cell))
    if axis not in known:
        raise BadInput(f"no suite to run has an axis {axis}{_guess(axis, known)}")
    values = list(dict.fromkeys(cell[axis] for cell in cells if axis in cell))
    if value not in values:
        raise BadInput(f"{axis} is never {value}; there is {', '.join(values)}")


def _guess(word: str, known: Sequence[str]) -> str:
    near = get_close_matches(word[:40], known, 1)
    return f"; did you mean {near[0]}?" if near else f"; there is {', '.join(known)}" if known else ""

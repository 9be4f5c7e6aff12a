"""Which suites and cells somebody means, at the command line or in a comment."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from difflib import get_close_matches
from fnmatch import fnmatchcase
from typing import Final

from bot.domain.errors import BadInput
from bot.domain.suites import Occasion, Suite, SuiteFile

_USUAL: Final = frozenset({Occasion.PUSH, Occasion.PULL_REQUEST})
_LONGEST: Final = 64
"""Characters of a wrong word that are said again."""
_LISTED: Final = 20
_LONGEST_GLOB: Final = 200

Axes = Mapping[str, Sequence[str]]
"""Axis → the values that are wanted of it."""
Mark = Callable[[str], str]
"""How a name is set apart from the words around it."""


def chosen(file: SuiteFile, names: Sequence[str], axes: Axes, shard: int | None = None) -> tuple[Suite, ...]:
    """All cells of the named suites; without names of all that pushes or pull requests start.

    `shard` narrows the suites that have shards.

    Raises:
        BadInput: as `cells`, or nothing is left to run.
    """
    suites = [suite for suite in file.suites if names or _is_usual(suite)]
    if not suites:
        known = ", ".join(dict.fromkeys(suite.name for suite in file.suites))
        raise BadInput(f"pushes and pull requests start no suite; name one of {known}")
    found = cells(suites, names or ["*"], axes)
    if shard is not None and shard > max(suite.shards for suite in found):
        raise BadInput(f"no suite to run has a shard {shard}")
    return tuple(suite for suite in found if suite.shards == 1 or shard in (None, suite.shard))


def cells(suites: Sequence[Suite], names: Sequence[str], axes: Axes, mark: Mark = str) -> tuple[Suite, ...]:
    """Of the suites with these names, exact or as globs, the cells with these values; in the order of the file.

    An axis narrows the suites that have it and leaves the others whole. Values may be globs as well.

    Raises:
        BadInput: names, axes or values that are not there, all of them, each with the nearest; or no cell is left.
    """
    known = list(dict.fromkeys(suite.name for suite in suites))
    faults = [_no_suite(name, known, mark) for name in names if not _fits(known, name)]
    found = [suite for suite in suites if any(_fits([suite.name], name) for name in names)] or suites
    faults += [fault for axis, values in axes.items() if (fault := _axis_fault(found, axis, values, mark))]
    if faults:
        raise BadInput(" ".join(faults))
    left = tuple(suite for suite in found if _has_values(suite, axes))
    if not left:
        raise BadInput("no cell has all these values together")
    return left


def _is_usual(suite: Suite) -> bool:
    return not suite.is_manual and not _USUAL.isdisjoint(suite.when.events)


def _fits(words: Iterable[str], glob: str) -> bool:
    """A longer one than any name or value has is not even tried: globs are compiled and kept."""
    return len(glob) <= _LONGEST_GLOB and any(word == glob or fnmatchcase(word, glob) for word in words)


def _has_values(suite: Suite, axes: Axes) -> bool:
    cell = dict(suite.cell)
    return all(axis not in cell or any(_fits([cell[axis]], one) for one in axes[axis]) for axis in axes)


def _no_suite(name: str, known: Sequence[str], mark: Mark) -> str:
    return f"There is no suite {mark(name[:_LONGEST])}.{_guess(name, known, mark)} {_list('Suites', known, mark)}"


def _axis_fault(suites: Sequence[Suite], axis: str, values: Sequence[str], mark: Mark) -> str:
    """What is wrong with it, or nothing."""
    known = list(dict.fromkeys(name for suite in suites for name, _ in suite.cell))
    if axis not in known:
        listed = _list("Axes", known, mark) if known else "They have no matrix."
        return f"No suite to run has an axis {mark(axis[:_LONGEST])}.{_guess(axis, known, mark)} {listed}"
    there = list(dict.fromkeys(text for suite in suites for name, text in suite.cell if name == axis))
    wrong = next((value for value in values if not _fits(there, value)), None)
    if wrong is None:
        return ""
    names = list(dict.fromkeys(suite.name for suite in suites if axis in dict(suite.cell)))
    who = f"{mark(names[0])} has no cell" if len(names) == 1 else "There is no cell"
    said = mark(f"{axis}={wrong[:_LONGEST]}")
    return f"{who} with {said}.{_guess(wrong, there, mark)} {_list('Values', there, mark)}"


def _guess(word: str, known: Sequence[str], mark: Mark) -> str:
    near = get_close_matches(word[:_LONGEST], known, 1)
    return f" Did you mean {mark(near[0])}?" if near else ""


def _list(what: str, known: Sequence[str], mark: Mark) -> str:
    return f"{what} here: {', '.join(map(mark, known[:_LISTED]))}{' …' if len(known) > _LISTED else ''}."

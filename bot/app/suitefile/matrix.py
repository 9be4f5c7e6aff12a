"""`matrix`: one cell for each combination of the axes' texts, minus `exclude`, plus `include`.

An entry of `exclude` removes the cells that have all its texts. An entry of `include` that has a text for every axis
adds a cell, unless that cell is there; any other extends the cells that have its texts of axes by what else it says:
`allow_failure`, or further names. Without axes every entry of `include` is a cell.
"""

import itertools
import math
from collections.abc import Mapping as Table
from dataclasses import dataclass, replace
from typing import Final

from bot.app.suitefile import values
from bot.app.suitefile.findings import Findings, Place, quoted
from bot.app.suitefile.placeholders import AXIS
from bot.app.suitefile.reading import Node, Text

CELLS_MAX: Final = 500
VALUE_MAX: Final = 100
"""Characters."""

_INCLUDE: Final = "include"
_EXCLUDE: Final = "exclude"
_ALLOW: Final = "allow_failure"
_AXIS_RULE: Final = "a letter first, then letters, digits, _ and -, at most 32"


@dataclass(frozen=True, slots=True)
class Cell:
    texts: Table[str, str]
    """By axis, in the order of the file."""
    allow_failure: bool | None = None


@dataclass(frozen=True, slots=True)
class Matrix:
    cells: tuple[Cell, ...]
    place: Place


@dataclass(frozen=True, slots=True)
class _Entry:
    """One item of `include` or `exclude`."""

    texts: Table[str, str]
    allow_failure: bool | None
    place: Place

    def matches(self, cell: Cell, axes: Table[str, tuple[str, ...]]) -> bool:
        return all(cell.texts[name] == text for name, text in self.texts.items() if name in axes)


def matrix(node: Node, where: str, found: Findings) -> Matrix | None:
    table = values.mapping(node, where, found, 'each axis is a key with a list: "python: [3.12, 3.13]"')
    if table is None:
        return None
    before = found.count
    if not table.entries:
        found.add("C109", node.place, f"{where}: there is no axis")
    axes: dict[str, tuple[str, ...]] = {}
    include: tuple[_Entry, ...] = ()
    exclude: tuple[_Entry, ...] = ()
    for name, value in table.entries:
        if name.value == _INCLUDE:
            include = _entries(value, f"{where}.{_INCLUDE}", found, is_include=True)
        elif name.value == _EXCLUDE:
            exclude = _entries(value, f"{where}.{_EXCLUDE}", found, is_include=False)
        elif _is_axis(name, where, found, axes):
            axes[name.value] = _texts(value, f"{where}.{name.value}", found)
    if found.count > before:
        return None
    cells = _cells(axes, include, exclude, node.place, where, found)
    return Matrix(cells, node.place) if found.count == before else None


def _is_axis(name: Text, where: str, found: Findings, others: Table[str, object] | None = None) -> bool:
    if not AXIS.fullmatch(name.value) or name.value == _ALLOW:
        found.add("C109", name.place, f"{where}: {quoted(name.value)} can't be the name of an axis", _AXIS_RULE)
        return False
    for other in others or ():
        if variable(other) == variable(name.value) and other != name.value:
            same = f"{quoted(name.value)} and {quoted(other)} would be the same variable {variable(other)}"
            found.add("C109", name.place, f"{where}: {same}")
            return False
    return True


def variable(axis: str) -> str:
    """The variable that hands the text to the commands: `MATRIX_PYTHON_VERSION` for `python-version`."""
    return "MATRIX_" + axis.upper().replace("-", "_")


def _texts(node: Node, where: str, found: Findings) -> tuple[str, ...]:
    nodes = values.items(node, where, found)
    if nodes is None:
        return ()
    if not nodes:
        found.add("C109", node.place, f"{where}: an axis needs at least one text")
    texts: dict[str, None] = {}
    for one in nodes:
        text = _text(one, where, found)
        if text is not None and text in texts:
            found.add("C109", one.place, f"{where}: {quoted(text)} is here twice")
        elif text is not None:
            texts[text] = None
    return tuple(texts)


def _text(node: Node, where: str, found: Findings) -> str | None:
    word = values.line(node, where, found)
    if word is None:
        return None
    if len(word.value) > VALUE_MAX:
        found.add("C109", word.place, f"{where}: a text of a matrix has at most {VALUE_MAX} characters")
    return word.value


def _entries(node: Node, where: str, found: Findings, *, is_include: bool) -> tuple[_Entry, ...]:
    nodes = values.items(node, where, found) or ()
    if len(nodes) > CELLS_MAX:
        found.stop("C007", node.place, f"{where}: there are more than {CELLS_MAX} entries")
    entries = [_entry(one, where, found, is_include=is_include) for one in nodes]
    return tuple(entry for entry in entries if entry is not None)


def _entry(node: Node, where: str, found: Findings, *, is_include: bool) -> _Entry | None:
    table = values.mapping(node, where, found, 'write it like "- {python: 3.13, os: alpine}"')
    if table is None:
        return None
    if not table.entries:
        found.add("C109", node.place, f"{where}: an entry needs at least one text")
    texts: dict[str, str] = {}
    allow = None
    for name, value in table.entries:
        if name.value == _ALLOW and is_include:
            allow = values.boolean(value, f"{where}.{_ALLOW}", found)
        elif _is_axis(name, where, found, texts):
            texts[name.value] = _text(value, f"{where}.{name.value}", found) or ""
    return _Entry(texts, allow, node.place)


def _cells(
    axes: Table[str, tuple[str, ...]],
    include: tuple[_Entry, ...],
    exclude: tuple[_Entry, ...],
    place: Place,
    where: str,
    found: Findings,
) -> tuple[Cell, ...]:
    if math.prod(map(len, axes.values())) > CELLS_MAX:
        found.stop("C007", place, f"{where}: a matrix has at most {CELLS_MAX} cells")
    product = itertools.product(*axes.values()) if axes else ()
    cells = [Cell(dict(zip(axes, texts, strict=True))) for texts in product]
    cells = _without(cells, axes, exclude, where, found)
    for entry in include:
        cells = _with(cells, axes, entry, where, found)
    if len(cells) > CELLS_MAX:
        found.stop("C007", place, f"{where}: a matrix has at most {CELLS_MAX} cells")
    if not cells:
        found.add("C205", place, f"{where}: no cell is left")
    return tuple(cells)


def _without(
    cells: list[Cell], axes: Table[str, tuple[str, ...]], exclude: tuple[_Entry, ...], where: str, found: Findings
) -> list[Cell]:
    gone: set[int] = set()
    for entry in exclude:
        known = _knows(axes, entry, f"{where}.{_EXCLUDE}", found)
        hit = {number for number, cell in enumerate(cells) if known and entry.matches(cell, axes)}
        if known and not hit:
            found.add("C205", entry.place, f"{where}.{_EXCLUDE}: no cell has these texts")
        gone |= hit
    return [cell for number, cell in enumerate(cells) if number not in gone]


def _knows(axes: Table[str, object], entry: _Entry, where: str, found: Findings) -> bool:
    unknown = [name for name in entry.texts if name not in axes]
    for name in unknown:
        advice = values.meant(Text(name, entry.place), axes)
        found.add("C201", entry.place, f"{where}: there is no axis {quoted(name)}", advice)
    return not unknown


def _with(
    cells: list[Cell], axes: Table[str, tuple[str, ...]], entry: _Entry, where: str, found: Findings
) -> list[Cell]:
    hit = [cell for cell in cells if axes and entry.matches(cell, axes)]
    if hit:
        chosen = set(map(id, hit))
        return [_extended(cell, entry) if id(cell) in chosen else cell for cell in cells]
    if all(name in entry.texts for name in axes):
        order = [*axes, *(name for name in entry.texts if name not in axes)]
        return [*cells, Cell({name: entry.texts[name] for name in order}, entry.allow_failure)]
    advice = f"to add a cell, give a text for each of {', '.join(axes)}"
    found.add("C205", entry.place, f"{where}.{_INCLUDE}: no cell has these texts", advice)
    return cells


def _extended(cell: Cell, entry: _Entry) -> Cell:
    allow = cell.allow_failure if entry.allow_failure is None else entry.allow_failure
    return replace(cell, texts={**cell.texts, **entry.texts}, allow_failure=allow)

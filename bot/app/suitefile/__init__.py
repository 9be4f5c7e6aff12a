"""The suite file: text in, suites or every problem at its line out (PRODUCT §2.7)."""

from collections.abc import Set as AbstractSet
from datetime import date
from importlib import resources
from typing import Final

from bot.app.suitefile.codes import MEANINGS
from bot.app.suitefile.findings import Findings
from bot.app.suitefile.keys import LATER
from bot.app.suitefile.listing import render_text, severity
from bot.app.suitefile.matrix import variable
from bot.app.suitefile.placeholders import fill_files
from bot.app.suitefile.reading import LIMIT, read
from bot.app.suitefile.schedule import next_time
from bot.app.suitefile.shape import suite_file
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.suites import SuiteFile

__all__ = [
    "LATER",
    "LIMIT",
    "MEANINGS",
    "NAMES",
    "both_there",
    "fill_files",
    "next_time",
    "parse",
    "render_text",
    "schema_text",
    "severity",
    "variable",
    "without_effect",
]

_MATTERS_OF_STYLE: Final = frozenset({"W302"})
NAMES: Final = (".assay.yml", ".assay.yaml")
"""At the repository's root; one of them, not both."""


def parse(path: str, data: bytes, later: AbstractSet[str] = LATER, *, today: date | None = None) -> SuiteFile:
    """Read a suite file; `path` is what it is called in messages, `later` the keys that are refused with C103.

    A quarantine that ended before `today` is an error.

    Raises:
        InvalidSuiteFile: with all its problems in the order of the file. Nothing else, whatever the bytes are.
    """
    found = Findings(path, data.count(b"\n") + 1, later, today)
    file = suite_file(path, read(data, found), found)
    found.raise_if_any()
    return file


def without_effect(file: SuiteFile) -> tuple[Problem, ...]:
    """Those of the warnings that say: what is written here does nothing."""
    return tuple(one for one in file.warnings if one.code not in _MATTERS_OF_STYLE)


def both_there() -> InvalidSuiteFile:
    """The error for a repository that has a file of each name."""
    first, second = NAMES
    return InvalidSuiteFile(first, [Problem("C004", 1, 1, f"both {first} and {second} are there; keep one")])


def schema_text() -> str:
    """The JSON Schema of the format, for editors."""
    return resources.files(__name__).joinpath("schema.json").read_text("utf-8")

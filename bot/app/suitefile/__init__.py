"""The suite file: text in, suites or every problem at its line out (PRODUCT §2.7)."""

from importlib import resources
from typing import Final

from bot.app.suitefile.findings import Findings
from bot.app.suitefile.listing import render_text
from bot.app.suitefile.reading import LIMIT, read
from bot.app.suitefile.shape import suites_of
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.suites import SuiteFile

__all__ = ["LIMIT", "NAMES", "both_there", "parse", "render_text", "schema_text"]

NAMES: Final = (".assay.yml", ".assay.yaml")
"""At the repository's root; one of them, not both."""


def parse(path: str, data: bytes) -> SuiteFile:
    """Read a suite file; `path` is what it is called in messages.

    Raises:
        InvalidSuiteFile: with all its problems in the order of the file. Nothing else, whatever the bytes are.
    """
    found = Findings(path)
    root = read(data, found)
    suites = suites_of(root, found)
    found.raise_if_any()
    return SuiteFile(path=path, suites=suites)


def both_there() -> InvalidSuiteFile:
    """The error for a repository that has a file of each name."""
    first, second = NAMES
    return InvalidSuiteFile(first, [Problem("C004", 1, 1, f"both {first} and {second} are there; keep one")])


def schema_text() -> str:
    """The JSON Schema of the format, for editors."""
    return resources.files(__name__).joinpath("schema.json").read_text("utf-8")

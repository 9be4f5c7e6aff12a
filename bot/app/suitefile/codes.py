"""What the codes of problems mean, at more length than a message has room for."""

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Meaning:
    short: str
    more: str
    """Why it is refused, and what helps."""


MEANINGS: Final = {
    "C001": Meaning(
        "not YAML, or nothing in it",
        'A value that holds ": " or begins with one of [ { * & ! % @ ` must be in quotes, or stand in a | block.\n'
        "Lines of one mapping begin at the same column, and tabs don't indent.",
    ),
    "C002": Meaning(
        "a character or an encoding that is not allowed",
        "A suite file is UTF-8 without control characters; they hide what a file says from people who read it.",
    ),
    "C003": Meaning(
        "anchor, alias, merge key or tag",
        "A few aliases can stand for billions of values. Share settings with `defaults:` or `extends:` instead.",
    ),
    "C004": Meaning(
        "both `.assay.yml` and `.assay.yaml` are there", "Nobody could say which one counts; remove one."
    ),
    "C005": Meaning("more than one document", 'Remove the lines with "---" in the middle of the file.'),
    "C006": Meaning("the same key twice", "YAML readers silently take one of both. Rename or remove one."),
    "C007": Meaning(
        "larger than the limits",
        "256 KiB, 20 levels, 10,000 values, 100 suites, 500 runs of all cells and shards. Move scripts to files of\n"
        "the repository, and leave out cells with `exclude:`.",
    ),
    "C008": Meaning(
        "`${{ … }}` where none may stand, or an unknown one",
        "There are ${{ matrix.NAME }} and ${{ files:GLOB }}, in images, names of environments, keys and paths.\n"
        "Commands get values as variables, as $MATRIX_PYTHON, so that no text becomes part of a shell script.",
    ),
    "C101": Meaning("unknown key", "A key that does nothing looks as if it did something. The message guesses."),
    "C102": Meaning("a key is missing", "The message names it."),
    "C103": Meaning(
        "part of the format, but not of this version",
        "The key is known but would have no effect yet. Remove it, or use a newer version of Assay.",
    ),
    "C104": Meaning("keys that exclude each other", "Keep one of them."),
    "C109": Meaning(
        "a value that is not what the key takes",
        'Durations and sizes have units (10m, 2GiB); booleans are true and false alone; a command with ": " is in\n'
        "quotes.",
    ),
    "C110": Meaning(
        "the name or size of variables",
        "Letters, digits and _, at most 64; names that change how the script's own shell starts are refused.\n"
        "A script may `export` them.",
    ),
    "C111": Meaning(
        "the name of a suite, environment, service or channel",
        "Small letters, digits, `.`, `_` and `-`, a letter or digit first, at most 63: names become check names and\n"
        "host names.",
    ),
    "C112": Meaning("the name of an image", "Like `python:3.12-slim` or `registry.example/name@sha256:…`."),
    "C113": Meaning("the name of a secret", "Capital letters, digits and _, and none that Assay sets itself."),
    "C114": Meaning(
        "a quarantine whose last day is over", "Mend the tests, or set a later date while they are worked on."
    ),
    "C201": Meaning("a name that stands nowhere in the file", "The message guesses what was meant."),
    "C202": Meaning("`needs` in a circle", "None of these suites could ever start. Remove one need."),
    "C203": Meaning("`extends` in a circle", "Let one of these suites stand for itself."),
    "C204": Meaning(
        "`${{ matrix.NAME }}` that a cell does not have",
        "Every cell needs that value: as an axis, or in each entry of `include`.",
    ),
    "C205": Meaning(
        "cells: none left, two called the same, or an entry that concerns none",
        "`exclude` must leave a cell and name texts that cells have; cells are told apart by their texts.",
    ),
    "W301": Meaning("an environment or service that no suite uses", "Remove it, or name it in a suite."),
    "W302": Meaning(
        "an image whose content changes: `latest`, or no tag",
        "The same commit may pass today and fail tomorrow. Name a version, or better a digest.",
    ),
    "W303": Meaning("a suite that can never run", "Its `when` leaves no event that could start it."),
    "W304": Meaning(
        "a suite that needs one that is allowed to fail",
        "It waits for a pass all the same: a failure that is allowed still keeps it from running.",
    ),
    "W305": Meaning("a key of `when` without effect", "It filters an event that the suite does not have."),
}

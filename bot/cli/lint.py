"""`assay lint`: check suite files without a server."""

import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import click

from bot.app import suitefile
from bot.domain.errors import InvalidSuiteFile, Problem


@dataclass(frozen=True, slots=True)
class Checked:
    path: str
    data: bytes
    suites: int
    problems: tuple[Problem, ...]


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github"]),
    default="text",
    help="How problems are printed.",
)
def lint(files: Sequence[str], form: str) -> None:
    """Check suite files; without FILE the one in this folder.

    The exit status is 0 when all are right and 2 when one is not or can't be read.
    """
    results = [_check(path) for path in files] if files else [_check_folder()]
    checked = [one for one in results if one is not None]
    click.echo(_FORMS[form](checked), nl=False)
    if None in results or any(one.problems for one in checked):
        sys.exit(2)


def _check_folder() -> Checked | None:
    there = [name for name in suitefile.NAMES if Path(name).exists()]
    if not there:
        click.echo(f"assay: there is no {suitefile.NAMES[0]} in this folder", err=True)
        return None
    if len(there) > 1:
        error = suitefile.both_there()
        return Checked(error.path, b"", 0, error.problems)
    return _check(there[0])


def _check(path: str) -> Checked | None:
    try:
        with Path(path).open("rb") as file:
            data = file.read(suitefile.LIMIT + 1)
    except OSError as error:
        click.echo(f"assay: {path}: {(error.strerror or 'can not be read').lower()}", err=True)
        return None
    try:
        return Checked(path, data, len(suitefile.parse(path, data).suites), ())
    except InvalidSuiteFile as error:
        return Checked(path, data, 0, error.problems)


def _text(checked: Sequence[Checked]) -> str:
    return "".join(suitefile.render_text(one.path, one.data, one.problems) or _all_right(one) for one in checked)


def _all_right(one: Checked) -> str:
    return f"assay: {one.path} ok, {one.suites} suite{'s' if one.suites > 1 else ''}\n"


def _json(checked: Sequence[Checked]) -> str:
    found = [
        {
            "path": one.path,
            "line": problem.line,
            "column": problem.column,
            "end_column": problem.end_column,
            "severity": "error",
            "code": problem.code,
            "message": problem.message,
            "help": problem.help,
        }
        for one in checked
        for problem in one.problems
    ]
    return json.dumps(found, indent=2) + "\n"


def _github(checked: Sequence[Checked]) -> str:
    """Workflow commands, which GitHub Actions shows as annotations."""
    return "".join(
        f"::error file={_property(one.path)},line={problem.line},col={problem.column},"
        f"endColumn={problem.end_column},title={problem.code}::"
        f"{_message(f'{problem.message}; {problem.help}' if problem.help else problem.message)}\n"
        for one in checked
        for problem in one.problems
    )


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


_FORMS: Final[Mapping[str, Callable[[Sequence[Checked]], str]]] = {"text": _text, "json": _json, "github": _github}

"""`assay lint`: check suite files without a server."""

import hashlib
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import quote

import click

from bot.app import suitefile
from bot.cli.workplace import today
from bot.domain.errors import InvalidSuiteFile, Problem
from bot.domain.suites import SuiteFile

_SARIF: Final = "https://json.schemastore.org/sarif-2.1.0.json"


@dataclass(frozen=True, slots=True)
class Checked:
    path: str
    data: bytes
    file: SuiteFile | None
    """None when there are errors."""
    problems: tuple[Problem, ...]
    """Errors, or else warnings."""


@click.command()
@click.argument("files", nargs=-1, metavar="[FILE]...")
@click.option(
    "--format",
    "form",
    type=click.Choice(["text", "json", "github", "gitlab", "sarif"]),
    default="text",
    help="How problems are printed.",
)
def lint(files: Sequence[str], form: str) -> None:
    """Check suite files; without FILE the one in this folder.

    The exit status is 0 when all are right, also with warnings, and 2 when one is not or can't be read.
    """
    results = [_check(path) for path in files] if files else [_check_folder()]
    checked = [one for one in results if one is not None]
    click.echo(_FORMS[form](checked), nl=False)
    if None in results or any(one.file is None for one in checked):
        sys.exit(2)


def _check_folder() -> Checked | None:
    there = [name for name in suitefile.NAMES if Path(name).exists()]
    if not there:
        click.echo(f"assay: there is no {suitefile.NAMES[0]} in this folder", err=True)
        return None
    if len(there) > 1:
        error = suitefile.both_there()
        return Checked(error.path, b"", None, error.problems)
    return _check(there[0])


def _check(path: str) -> Checked | None:
    try:
        with Path(path).open("rb") as stream:
            data = stream.read(suitefile.LIMIT + 1)
    except OSError as error:
        click.echo(f"assay: {path}: {(error.strerror or 'can not be read').lower()}", err=True)
        return None
    try:
        file = suitefile.parse(path, data, today=today())
    except InvalidSuiteFile as error:
        return Checked(path, data, None, error.problems)
    return Checked(path, data, file, file.warnings)


def _text(checked: Sequence[Checked]) -> str:
    return "".join(
        suitefile.render_text(one.path, one.data, one.problems) + _all_right(one.path, one.file) for one in checked
    )


def _all_right(path: str, file: SuiteFile | None) -> str:
    if file is None:
        return ""
    suites, runs = len({suite.name for suite in file.suites}), len(file.suites)
    counts = [f"{suites} suite{'s' if suites > 1 else ''}", *([f"{runs} runs"] if runs > suites else [])]
    return f"assay: {path} ok, {', '.join(counts)}\n"


def _json(checked: Sequence[Checked]) -> str:
    found = [
        {
            "path": one.path,
            "line": problem.line,
            "column": problem.column,
            "end_column": problem.end_column,
            "severity": suitefile.severity(problem),
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
        f"::{suitefile.severity(problem)} file={_property(one.path)},line={problem.line},col={problem.column},"
        f"endColumn={problem.end_column},title={problem.code}::"
        f"{_message(_sentence(problem))}\n"
        for one in checked
        for problem in one.problems
    )


def _sentence(problem: Problem) -> str:
    return f"{problem.message}; {problem.help}" if problem.help else problem.message


def _message(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _message(text).replace(":", "%3A").replace(",", "%2C")


def _gitlab(checked: Sequence[Checked]) -> str:
    """A report of GitLab's code quality."""
    found = [
        {
            "description": _sentence(problem),
            "check_name": problem.code,
            "fingerprint": hashlib.sha256(f"{one.path}:{problem}".encode("utf-8", "replace")).hexdigest(),
            "severity": "major" if suitefile.severity(problem) == "error" else "minor",
            "location": {"path": one.path, "lines": {"begin": problem.line}},
        }
        for one in checked
        for problem in one.problems
    ]
    return json.dumps(found, indent=2) + "\n"


def _sarif(checked: Sequence[Checked]) -> str:
    results = [
        {
            "ruleId": problem.code,
            "level": suitefile.severity(problem),
            "message": {"text": _sentence(problem)},
            "locations": [{"physicalLocation": _location(one.path, problem)}],
        }
        for one in checked
        for problem in one.problems
    ]
    rules = sorted({problem.code for one in checked for problem in one.problems})
    driver = {"name": "assay lint", "rules": [{"id": code} for code in rules]}
    document = {"$schema": _SARIF, "version": "2.1.0", "runs": [{"tool": {"driver": driver}, "results": results}]}
    return json.dumps(document, indent=2) + "\n"


def _location(path: str, problem: Problem) -> Mapping[str, object]:
    region = {"startLine": problem.line, "startColumn": problem.column, "endColumn": problem.end_column}
    return {"artifactLocation": {"uri": quote(path)}, "region": region}


_FORMS: Final[Mapping[str, Callable[[Sequence[Checked]], str]]] = {
    "text": _text,
    "json": _json,
    "github": _github,
    "gitlab": _gitlab,
    "sarif": _sarif,
}

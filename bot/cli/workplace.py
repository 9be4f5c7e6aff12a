"""Where a command stands: the repository around it and its suite file, or one line and exit status 2."""

import sys
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import NoReturn

import click

from bot.app import suitefile
from bot.domain.errors import BotError, InvalidSuiteFile
from bot.domain.suites import SuiteFile


def read_suite_file(root: Path) -> SuiteFile:
    """Of the repository's root; with all its problems on standard error when it is invalid."""
    there = [name for name in suitefile.NAMES if (root / name).exists()]
    if not there:
        fail(f"there is no {suitefile.NAMES[0]} in {root}; `assay init` proposes one")
    data = b""
    try:
        if len(there) > 1:
            raise suitefile.both_there()
        with (root / there[0]).open("rb") as stream:
            data = stream.read(suitefile.LIMIT + 1)
        return suitefile.parse(there[0], data, today=today())
    except InvalidSuiteFile as error:
        click.echo(suitefile.render_text(error.path, data, error.problems), err=True, nl=False)
    except OSError as error:
        fail(f"{there[0]}: {(error.strerror or 'can not be read').lower()}")
    sys.exit(2)


def today() -> date:
    return datetime.fromtimestamp(time.time(), UTC).date()


def fail(words: str | BotError, status: int = 2) -> NoReturn:
    click.echo(f"assay: {words}", err=True)
    sys.exit(status)

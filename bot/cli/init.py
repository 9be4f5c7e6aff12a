"""`assay init`: a first suite file for the present repository."""

from pathlib import Path

import click

from bot.app import suitefile
from bot.app.proposing import LOOKED_AT, WORKFLOWS, propose
from bot.cli.workplace import fail

_MOST_WORKFLOWS: int = 20
_MOST: int = 1 << 20
"""Bytes of a file that are looked at."""


@click.command()
@click.option(
    "--write/--print",
    "is_written",
    default=False,
    help="Write .assay.yml, or only show what it would be (what happens without either).",
)
def init(*, is_written: bool) -> None:
    """Propose a suite file from pyproject.toml, package.json, go.mod, Cargo.toml, Makefile or workflows.

    A suite file that is there is never overwritten.
    """
    names = [*LOOKED_AT, *(str(path) for path in sorted(Path(WORKFLOWS).glob("*.y*ml"))[:_MOST_WORKFLOWS])]
    text = propose({name: content for name in names if (content := _content(name)) is not None})
    if not is_written:
        click.echo(text, nl=False)
        return
    if there := [name for name in suitefile.NAMES if Path(name).exists() or Path(name).is_symlink()]:
        fail(f"{there[0]} is there already; it stays as it is")
    try:
        with Path(suitefile.NAMES[0]).open("x", encoding="utf-8") as file:
            file.write(text)
    except OSError as error:
        fail(f"{suitefile.NAMES[0]}: {(error.strerror or 'can not be written').lower()}")
    click.echo(f"assay: wrote {suitefile.NAMES[0]}; try it with `assay run`")


def _content(name: str) -> str | None:
    """None: there is no such file, or it can't be read."""
    try:
        with Path(name).open("rb") as file:
            return file.read(_MOST).decode(errors="replace")
    except OSError:
        return None

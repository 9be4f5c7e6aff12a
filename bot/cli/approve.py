"""`assay approve BUILD`: let a stranger's change run, from the server's own command line."""

import sys

import click

from bot.app import approving
from bot.bootstrap import build
from bot.cli.acting import actor
from bot.cli.logs import configure_logs
from bot.cli.reading import read_settings
from bot.domain.errors import BotError, Unavailable
from bot.domain.runs import BuildId


@click.command()
@click.argument("number", type=int, metavar="BUILD")
def approve(number: int) -> None:
    """Let the runs of a build that waits for approval start.

    BUILD is the number at the end of the check's link. It covers that commit only.
    """
    settings = read_settings()
    configure_logs(settings)
    bot = build(settings)
    try:
        approved = approving.approve(bot.app, BuildId(number), actor=actor())
    except BotError as error:
        click.echo(f"assay: {error}", err=True)
        sys.exit(3 if isinstance(error, Unavailable) else 4)
    click.echo(f"approved build {approved.id} for {approved.sha}; it starts within a few seconds")

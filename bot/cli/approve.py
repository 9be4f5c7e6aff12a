"""`assay approve BUILD`: let a stranger's change run, from the server's own command line."""

import click

from bot.app import approving
from bot.cli.acting import actor
from bot.cli.opening import open_app
from bot.domain.runs import BuildId


@click.command()
@click.argument("number", type=int, metavar="BUILD")
def approve(number: int) -> None:
    """Let the runs of a build that waits for approval start.

    BUILD is the number at the end of the check's link. It covers that commit only.
    """
    with open_app() as app:
        approved = approving.approve(app, BuildId(number), actor=actor())
    click.echo(f"approved build {approved.id} for {approved.sha}; it starts within a few seconds")

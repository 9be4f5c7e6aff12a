"""`assay demo`: a whole server with a pretend forge, for trying out."""

import sys

import click

from bot.demo.command import run_demo


@click.command()
@click.option("--once", is_flag=True, help="End after one round; exit status 0 only if every check was right.")
@click.option(
    "--forge",
    type=click.Choice(["github", "gitlab"]),
    default="github",
    show_default=True,
    help="Which forge is played.",
)
def demo(forge: str, *, once: bool) -> None:
    """Start a pretend forge and the server, and show the main job at work."""
    sys.exit(run_demo(forge, once=once))

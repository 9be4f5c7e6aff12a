"""`assay firewall`: keeps the rules in force for workers that can't, such as those in containers of their own."""

import signal
import sys
import threading
from pathlib import Path
from typing import Final

import click

from bot import bootstrap
from bot.cli.reading import end_with
from bot.domain.errors import SandboxUnavailable
from bot.settings import BadSettings, networks

_AGAIN: Final = 5.0
"""Seconds after which rules that somebody else has removed are set again."""
_UNAVAILABLE: Final = 3


@click.command()
@click.option("--mark", type=click.Path(path_type=Path), help="A file that is there while the rules are in force.")
def firewall(mark: Path | None) -> None:
    """Keep suites with the internet from this machine and from private networks, until SIGTERM.

    For a container with the host's network, CAP_NET_ADMIN and the label assay.firewall, beside workers in containers.
    Reads ASSAY_FIREWALL_ALLOW alone.
    """
    try:
        rules = bootstrap.firewall(networks.allowed())
    except ValueError as error:
        end_with(BadSettings(f"ASSAY_FIREWALL_ALLOW: {error}"))
    ending = threading.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, lambda *_: ending.set())
    try:
        rules.ensure()
    except SandboxUnavailable as error:
        click.echo(f"assay: {error}", err=True)
        sys.exit(_UNAVAILABLE)
    click.echo(f"assay: bridges whose names begin with {rules.bridges} lead to the internet alone", err=True)
    _show(mark, is_set=True)
    while not ending.wait(_AGAIN):
        try:
            rules.ensure()
        except SandboxUnavailable as error:
            click.echo(f"assay: {error}", err=True)
            _show(mark, is_set=False)
        else:
            _show(mark, is_set=True)
    _show(mark, is_set=False)


def _show(mark: Path | None, *, is_set: bool) -> None:
    if mark and is_set:
        mark.touch()
    elif mark:
        mark.unlink(missing_ok=True)

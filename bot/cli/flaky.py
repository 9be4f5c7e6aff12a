"""`assay flaky`: tests of a repository that nobody can rely on."""

import dataclasses
import json

import click

from bot.app import histories, secrets
from bot.app.comparing import DAYS
from bot.cli.opening import open_app
from bot.cli.workplace import fail
from bot.domain.errors import BotError
from bot.domain.refs import ForgeName
from bot.domain.texts import counted

_FIRST = (ForgeName("github"), ForgeName("gitlab"))
"""Looked at where no forge is set up."""


@click.command()
@click.argument("name", metavar="REPO")
@click.option("--days", default=DAYS, show_default=True, type=click.IntRange(1, 90), help="How far back to look.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def flaky(name: str, days: int, as_json: bool) -> None:
    """Tests of REPO that have failed and passed on one commit; those that held up most people first."""
    with open_app() as app:
        try:
            repository = secrets.find_repository(app, name, tuple(app.forges) or _FIRST)
            found = histories.flaky_of(app, repository, days).tests
        except BotError as error:
            fail(error)
    if as_json:
        click.echo(json.dumps([{**dataclasses.asdict(one), "last": one.last.isoformat()} for one in found]))
        return
    for one in found:
        where = f"{one.suite} ({one.cell})" if one.cell else one.suite
        people = f"{one.people} {'person' if one.people == 1 else 'people'}"
        facts = f"{one.failures} of {counted(one.runs, 'run')}, held up {people}"
        click.echo(f"{one.name}  {where}: {facts}, last {one.last:%Y-%m-%d %H:%M}")
    if not found:
        click.echo(f"no test of {name} has failed and passed on one commit in the last {days} days", err=True)

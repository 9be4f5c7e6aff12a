"""`assay flaky`: tests of a repository that nobody can rely on, and which of them do not count for a while."""

import dataclasses
import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import click

from bot.app import histories, muting, secrets
from bot.app.comparing import DAYS
from bot.app.context import App
from bot.cli.acting import actor
from bot.cli.opening import open_app
from bot.cli.workplace import fail
from bot.domain.errors import BotError
from bot.domain.refs import ForgeName, Repository
from bot.domain.results import Mute
from bot.domain.texts import counted

_FIRST = (ForgeName("github"), ForgeName("gitlab"))
"""Looked at where no forge is set up."""


class _ListsByDefault(click.Group):
    """`assay flaky REPO` is `assay flaky list REPO`."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        is_plain = bool(args) and args[0] not in self.commands and args[0] not in ("-h", "--help")
        return super().parse_args(ctx, ["list", *args] if is_plain else args)


@click.group(cls=_ListsByDefault)
def flaky() -> None:
    """Tests that have failed and passed on one commit; `assay flaky REPO` lists them."""


_suite = click.option("--suite", required=True, help="The suite that the test is of.")


@contextmanager
def _opened(name: str) -> Iterator[tuple[App, Repository]]:
    with open_app() as app:
        try:
            yield app, secrets.find_repository(app, name, tuple(app.forges) or _FIRST)
        except BotError as error:
            fail(error)


@flaky.command("list")
@click.argument("name", metavar="REPO")
@click.option("--days", default=DAYS, show_default=True, type=click.IntRange(1, 90), help="How far back to look.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def list_(name: str, days: int, as_json: bool) -> None:
    """Tests of REPO that have failed and passed on one commit; those that held up most people first."""
    with _opened(name) as (app, repository):
        view = histories.flaky_of(app, repository, days)
    found = view.tests
    if as_json:
        click.echo(json.dumps([{**dataclasses.asdict(one), "last": one.last.isoformat()} for one in found]))
        return
    for one in found:
        where = f"{one.suite} ({one.cell})" if one.cell else one.suite
        people = f"{one.people} {'person' if one.people == 1 else 'people'}"
        facts = f"{one.failures} of {counted(one.runs, 'run')}, held up {people}"
        mute = view.muted(one.suite, one.name)
        muted = f", {mute.words}" if mute else ""
        click.echo(f"{one.name}  {where}: {facts}, last {one.last:%Y-%m-%d %H:%M}{muted}")
    if not found:
        click.echo(f"no test of {name} has failed and passed on one commit in the last {days} days", err=True)


@flaky.command()
@click.argument("name", metavar="REPO")
@click.argument("test")
@_suite
@click.option("--until", required=True, type=click.DateTime(["%Y-%m-%d"]), help="The last day.")
@click.option("--reason", required=True, help="Shown in the check.")
def mute(name: str, test: str, suite: str, until: datetime, reason: str) -> None:
    """Let failures of TEST be shown without failing its suite, for a while."""
    with _opened(name) as (app, repository):
        wanted = Mute(suite=suite, name=test, until=until.date(), reason=reason, actor=actor())
        muting.mute(app, repository, wanted)
    click.echo(f"{test} of {suite} is muted up to and on {until:%Y-%m-%d}")


@flaky.command()
@click.argument("name", metavar="REPO")
@click.argument("test")
@_suite
def unmute(name: str, test: str, suite: str) -> None:
    """Let failures of TEST count again."""
    with _opened(name) as (app, repository):
        if not muting.unmute(app, repository, suite, test, actor()):
            fail(f"{test} of {suite} is not muted")
    click.echo(f"{test} of {suite} counts again")

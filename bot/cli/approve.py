"""`assay approve BUILD`: let a stranger's change run, over a server's API, or from the server's own command line."""

import json
from typing import Any

import click

from bot.app import approving
from bot.app.context import App
from bot.cli.acting import actor
from bot.cli.calling import is_server_named, plain, server
from bot.cli.opening import open_app
from bot.domain.errors import NotAllowed
from bot.domain.runs import BuildId


@click.command()
@click.argument("number", type=click.IntRange(min=1), metavar="BUILD")
@click.option("--sha", help="The full id of the commit that you looked at; another one is not approved.")
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def approve(number: int, sha: str | None, *, as_json: bool) -> None:
    """Let the runs of a build that waits for approval start.

    BUILD is the number at the end of the check's link. It covers that commit only. Where a server is named
    (ASSAY_SERVER, git's `assay.server`, `assay auth login`), it is asked with your token; else this is the machine of
    the server itself.
    """
    facts = _remotely(number, sha) if is_server_named() else _here(number, sha)
    if as_json:
        click.echo(json.dumps(facts))
    else:
        click.echo(plain(f"approved build {facts['number']} for {facts['sha']}; it starts within a few seconds"))


def _remotely(number: int, sha: str | None) -> dict[str, Any]:
    there = server()
    looked_at = sha or there.get(f"/builds/{number}")["sha"]
    return dict(there.post(f"/builds/{number}/approve", {"sha": looked_at}))


def _here(number: int, sha: str | None) -> dict[str, Any]:
    with open_app() as app:
        if sha is not None:
            _refuse_another(app, BuildId(number), sha)
        approved = approving.approve(app, BuildId(number), actor=actor())
    return {"number": approved.id, "sha": approved.sha}


def _refuse_another(app: App, number: BuildId, sha: str) -> None:
    with app.work() as work:
        found = work.builds.get(number).sha
    if found != sha:
        raise NotAllowed(f"build {number} is of {found}")

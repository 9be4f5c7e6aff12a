"""Commands that ask a server how it goes: `queue`, `workers`."""

import json
from typing import Any

import click

from bot.cli.calling import plain, server
from bot.domain.texts import size

_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.command()
@click.option("--limit", default=30, show_default=True, type=click.IntRange(1, 100))
@_json
def queue(limit: int, *, as_json: bool) -> None:
    """What waits for a worker, the oldest first, and what no worker that is there will take."""
    found = server().get("/queue", limit=limit)
    if as_json:
        click.echo(json.dumps(found))
        return
    click.echo(f"{found['length']} waiting")
    for run in found["runs"]:
        why = f"  {run['waits']}" if run["waits"] else ""
        click.echo(plain(f"{run['build']:>6}  {run['repository']}  {run['suite']}{why}"))


@click.command()
@_json
def workers(*, as_json: bool) -> None:
    """Who runs suites, what each can take and has. Needs a token with the scope admin."""
    found = server().get("/workers")["workers"]
    if as_json:
        click.echo(json.dumps(found))
        return
    for one in found:
        click.echo(plain(_line(one)))
        for run in one["runs"]:
            click.echo(plain(f"  {run['build']:>6}  {run['repository']}  {run['suite']}  {run['state']}"))


def _line(one: dict[str, Any]) -> str:
    state = "draining" if one["draining"] else "ready" if one["live"] else "gone"
    if one["slots"] is None:
        return f"{one['name']}  {state}"
    labels = f"  {','.join(one['labels'])}" if one["labels"] else ""
    room = f"{len(one['runs'])}/{one['slots']} runs  {one['cpus']:g} CPUs  {size(one['memory'])}"
    return f"{one['name']}  {state}  {room}{labels}  {one['process']}"

"""`assay runs compare`: what a failed suite does otherwise than where it passed last."""

from typing import Any

import click

from bot.cli.calling import WRONG, Server, plain, server
from bot.cli.workplace import fail

_BAD = frozenset({"failed", "timed_out", "errored"})


def compare(build: dict[str, Any], suite: str | None) -> list[dict[str, Any]]:
    """The comparisons of the suite that is named, else of all that failed; ends the command where there is none."""
    chosen = [one for one in build["runs"] if suite == one["suite"] or (suite is None and one["state"] in _BAD)]
    if not chosen:
        fail(f"nothing of build {build['number']} failed; name a suite" if suite is None else "no such suite", WRONG)
    return [_ask(server(), run) for run in chosen]


def _ask(there: Server, run: dict[str, Any]) -> dict[str, Any]:
    return dict(there.get(f"/runs/{run['id']}/comparison"))


def tell(found: dict[str, Any]) -> None:
    now, before = found["now"], found["before"]
    if before is None:
        click.echo(plain(f"{now['suite']}: has not passed on the default branch yet"))
        return
    words = f"{now['suite']}: build {before['build']} {before['state']} → build {now['build']} {now['state']}"
    click.echo(plain(words))
    tests = found["tests"] or {}
    for name in tests.get("broken", ()):
        click.echo(plain(f"  ✗ {name}"))
    for name in tests.get("fixed", ()):
        click.echo(plain(f"  ✓ {name}"))
    for one in found["slower"]:
        click.echo(plain(f"  slower: {one['name']}  {one['before']:.2f} s → {one['now']:.2f} s"))
    for one in found["facts"]:
        if one["differs"]:
            click.echo(plain(f"  {one['name']}: {one['before'] or '-'} → {one['now'] or '-'}"))
    if log := found["log"]:
        click.echo(plain(f"  the logs differ from line {log['line']} on: {log['now'] or '(has ended)'}"))
    click.echo(plain(f"{now['url']}/compare?run={now['id']}"))

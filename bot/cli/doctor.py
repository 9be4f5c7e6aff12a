"""`assay doctor`: is this installation in order."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict

import click

from bot import __version__, settings
from bot.app import examining
from bot.bootstrap import build
from bot.cli.logs import configure_logs
from bot.domain.errors import BotError
from bot.ports.forge import Finding
from bot.ports.queue import WorkQueue

_WRONG = 1
_BAD_SETTINGS = 2


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def doctor(as_json: bool) -> None:
    """Check this installation: settings, database, engine, storage, forges and their rights, webhooks.

    Ends with 0 when all is well, 1 when something is not, 2 when the settings are not valid.
    """
    findings, status = _examined()
    if as_json:
        click.echo(json.dumps([asdict(one) for one in findings]))
    else:
        for one in findings:
            click.echo(f"{'✓' if one.ok else '✗'} {one.text}" + (f"\n  help: {one.help}" if one.help else ""))
    sys.exit(status)


def _examined() -> tuple[list[Finding], int]:
    try:
        found = settings.read()
    except settings.BadSettings as error:
        return [Finding(ok=False, text=line) for line in str(error).split("\n")], _BAD_SETTINGS
    configure_logs(found)
    findings = [Finding(ok=True, text=f"version {__version__}, settings are valid")]
    findings += [Finding(ok=False, text=words) for words in settings.unknown_names()]
    try:
        bot = build(found)
    except (BotError, OSError, settings.BadSettings) as error:
        return [*findings, Finding(ok=False, text=f"it can't start: {error}")], _WRONG
    try:
        findings += [*examining.examine(bot.app), *_of_queue(bot.queue)]
    finally:
        bot.engine.dispose()
    return findings, 0 if all(one.ok for one in findings) else _WRONG


def _of_queue(queue: WorkQueue) -> Iterator[Finding]:
    if trouble := queue.trouble():
        yield Finding(ok=False, text=trouble, help="work goes on every few seconds instead of at once")
    elif advice := queue.advice():
        yield from (Finding(ok=False, text=words) for words in advice)
    else:
        yield Finding(ok=True, text="hints go through the queue")

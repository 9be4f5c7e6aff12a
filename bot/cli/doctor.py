"""`assay doctor`: is this installation in order."""

import json
import sys
from collections.abc import Iterator
from dataclasses import asdict, replace

import click

from bot import __version__, settings
from bot.app import examining
from bot.bootstrap import build
from bot.bootstrap.process import Role
from bot.cli.logs import configure_logs
from bot.domain.errors import BotError
from bot.domain.findings import Finding
from bot.ports.queue import WorkQueue
from bot.settings.exposed import exposed, room

_WRONG = 1
_BAD_SETTINGS = 2
_START = "nothing serves until this is mended; what else there is to see is seen then"


@click.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
@click.option("--no-workers", is_flag=True, help="Of a machine that serves without running suites: no engine.")
def doctor(as_json: bool, no_workers: bool) -> None:
    """Check this installation: settings, database, clocks, engine, storage, forges and their rights, webhooks.

    `✗` is wrong, `!` could be better. Ends with 0 when nothing is wrong, 1 when something is, 2 when the settings are
    not valid.
    """
    findings, status = _examined(Role.WEB if no_workers else Role.ALL)
    if as_json:
        click.echo(json.dumps([asdict(one) for one in findings]))
    else:
        for one in findings:
            click.echo(f"{_sign(one)} {one.text}" + (f"\n  help: {one.help}" if one.help else ""))
    sys.exit(status)


def _sign(finding: Finding) -> str:
    if finding.ok:
        return "!" if finding.help else "✓"
    return "✗"


def _examined(role: Role) -> tuple[list[Finding], int]:
    try:
        found = settings.read()
    except settings.BadSettings as error:
        return [Finding(ok=False, text=line, check="settings") for line in str(error).split("\n")], _BAD_SETTINGS
    configure_logs(found)
    findings = [Finding(ok=True, text=f"version {__version__}, settings are valid")]
    findings += [Finding(ok=False, text=words) for words in settings.unknown_names()]
    if role is Role.WEB and found.redis is None:
        text = "processes of their own need a Redis to send each other hints"
        findings.append(Finding(ok=False, text=text, help="set ASSAY_REDIS_URL"))
    findings = [replace(one, check="settings") for one in findings]
    try:
        bot = build(found, role)
    except (BotError, OSError, settings.BadSettings) as error:
        return [*findings, Finding(ok=False, text=f"it can't start: {error}", help=_START, check="start")], _WRONG
    try:
        findings += [replace(one, check="exposed") for one in exposed(found)]
        findings += [replace(one, check="disk") for one in room(found)]
        findings += [*examining.examine(bot.app), *(replace(one, check="queue") for one in _of_queue(bot.queue))]
    finally:
        bot.engine.dispose()
    return findings, 0 if all(one.ok for one in findings) else _WRONG


def _of_queue(queue: WorkQueue) -> Iterator[Finding]:
    if trouble := queue.trouble():
        yield Finding(ok=False, text=trouble, help="work goes on every few seconds instead of at once")
        return
    yield Finding(ok=True, text="hints go through the queue")
    yield from queue.advice()

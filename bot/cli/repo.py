"""`assay repo`: repositories that are registered here, and their webhooks."""

import json
from datetime import UTC, datetime

import click

from bot.app import registering, ruling
from bot.app.context import App
from bot.app.registering import Registered
from bot.cli.acting import actor
from bot.cli.opening import open_app

_as_json = click.option("--json", "as_json", is_flag=True, help="For programs.")


@click.group()
def repo() -> None:
    """Repositories: register them, look after their webhooks.

    REPO is owner/name, with its forge before it where several are set up: github:acme/web, gitlab:group/sub/project.
    """


@repo.command()
@click.argument("name", metavar="REPO")
@_as_json
def add(name: str, as_json: bool) -> None:
    """Register REPO: it gets a webhook with a secret of its own. Safe to repeat.

    Where a GitHub App is used, its webhook tells of all repositories and none is made.
    """
    with open_app() as app:
        added = registering.add(app, name, actor=actor())
        _say(app, added, "added" if added.is_new else "is here", as_json=as_json)


@repo.command("list")
@_as_json
def list_(as_json: bool) -> None:
    """All repositories that are known here."""
    with open_app() as app:
        found = registering.every(app)
        if as_json:
            click.echo(json.dumps([_facts(app, one) for one in found]))
            return
        for one in found:
            click.echo(f"{_name(one):40}  {_state(one)}")


@repo.command()
@click.argument("name", metavar="REPO")
@_as_json
def show(name: str, as_json: bool) -> None:
    """What is known of REPO, and what its forge says of the webhook."""
    with open_app() as app:
        found = registering.find(app, name)
        rules = ruling.written(ruling.of(app, found.repository))
        facts = {**_facts(app, found), "trouble": registering.trouble(app, found), "rules": rules}
        if as_json:
            click.echo(json.dumps(facts))
            return
        for key, value in facts.items():
            click.echo(f"{key:16}  {_shown(value)}")


@repo.command("set")
@click.argument("name", metavar="REPO")
@click.argument("rules", metavar="NAME=VALUE...", nargs=-1, required=True)
@_as_json
def set_(name: str, rules: tuple[str, ...], as_json: bool) -> None:
    """Set for REPO what differs from the rest, within what the server allows; NAME= alone takes it back.

    fork_policy, bare_commands, comments, network_default, network_forks, images_allowed, cpus_max, memory_max,
    disk_max, pids_max, timeout_max, log_limit, artifact_limit, runs_max, queue_max, stranger_runs_max,
    stranger_queue_max: as the settings ASSAY_… of the same names.
    """
    with open_app() as app:
        found = registering.find(app, name)
        if bad := [one for one in rules if "=" not in one]:
            raise click.BadParameter(f"{bad[0]} is not NAME=VALUE")
        wanted = {key.strip(): value for key, _, value in (one.partition("=") for one in rules)}
        now = ruling.written(ruling.change(app, found.repository, wanted, actor=actor()))
        if as_json:
            click.echo(json.dumps(now))
            return
        click.echo("\n".join(f"{key}={value}" for key, value in now.items()) or "nothing is set: as everywhere")


@repo.command()
@click.argument("name", metavar="REPO")
@_as_json
def remove(name: str, as_json: bool) -> None:
    """Take the webhook of REPO away. What was built stays."""
    with open_app() as app:
        found = registering.find(app, name)
        registering.remove(app, found, actor=actor())
        _say(app, registering.find(app, name), "removed", as_json=as_json)


@repo.command("rotate-secret")
@click.argument("name", metavar="REPO")
@_as_json
def rotate_secret(name: str, as_json: bool) -> None:
    """Give the webhook of REPO a new secret; the old one is taken for an hour more."""
    with open_app() as app:
        found = registering.find(app, name)
        registering.rotate_secret(app, found, actor=actor())
        _say(app, found, "has a new secret", as_json=as_json)


@repo.command("test")
@click.argument("name", metavar="REPO")
@_as_json
def test_(name: str, as_json: bool) -> None:
    """Let the forge send something to the webhook of REPO, and wait until it arrives."""
    with open_app() as app:
        found = registering.find(app, name)
        registering.test(app, found)
        _say(app, registering.find(app, name), "is heard", as_json=as_json)


def _say(app: App, one: Registered, words: str, *, as_json: bool) -> None:
    click.echo(json.dumps(_facts(app, one)) if as_json else f"{_name(one)} {words}; {_state(one)}")


def _name(one: Registered) -> str:
    return f"{one.repository.forge}:{one.repository.path}"


def _state(one: Registered) -> str:
    if one.hook is None:
        return "no webhook of its own"
    if one.hook.number is None:
        return "it is not known whether its webhook was made: add it again"
    heard = datetime.fromtimestamp(one.hook.heard_at, UTC) if one.hook.heard_at else None
    return f"webhook {one.hook.number}, " + (f"heard {heard:%Y-%m-%d %H:%M} UTC" if heard else "not heard yet")


def _facts(app: App, one: Registered) -> dict[str, object]:
    hook = one.hook
    return {
        "number": one.repository.id,
        "forge": one.repository.forge,
        "name": one.repository.path,
        "private": one.repository.private,
        "default_branch": one.repository.default_branch,
        "url": one.repository.web_url,
        "webhook": registering.hook_url(app, one) or None,
        "webhook_number": hook.number if hook else None,
        "heard_at": hook.heard_at if hook else None,
    }


def _shown(value: object) -> str:
    if isinstance(value, dict):
        return " ".join(f"{key}={text}" for key, text in value.items())
    return "" if value is None else str(value)

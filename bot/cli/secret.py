"""`assay secret`: values that a repository's trusted runs may ask for by name, never shown again."""

import sys
from datetime import UTC, datetime
from pathlib import Path

import click

from bot.app import secrets
from bot.app.context import App
from bot.cli.acting import actor
from bot.cli.opening import open_app
from bot.domain.refs import ForgeName, Repository

_FIRST = (ForgeName("github"), ForgeName("gitlab"))
"""Also while they are not set up."""


@click.group()
def secret() -> None:
    """Secrets of repositories: set, list, remove, rotate.

    They are stored encrypted, given only to trusted runs whose suite names them (secrets: [NAME]), never to those
    of forks, and masked in logs.
    """


@secret.command("set")
@click.argument("repo")
@click.argument("name")
@click.option(
    "--from-file",
    "file",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="Take the value from there.",
)
def set_(repo: str, name: str, file: Path | None) -> None:
    """Store the secret NAME of REPO (owner/name, or github:owner/name).

    The value comes from a file, from standard input, or from a prompt; an argument would be seen by everybody on this
    machine. The line's end behind a single line does not belong to it.
    """
    with open_app() as app:
        repository = _repository(app, repo)
        is_new = secrets.set_secret(app, repository, name, _value(name, file), actor=actor())
        click.echo(f"{'set' if is_new else 'replaced'} {name} of {repository.forge}:{repository.path}")


@secret.command("list")
@click.argument("repo")
def list_(repo: str) -> None:
    """Names and dates of the secrets of REPO."""
    with open_app() as app:
        for one in secrets.list_secrets(app, _repository(app, repo).id):
            written = datetime.fromtimestamp(one.updated_at, UTC)
            click.echo(f"{one.name}  set {written:%Y-%m-%d %H:%M} UTC by {one.actor}")


@secret.command()
@click.argument("repo")
@click.argument("name")
def remove(repo: str, name: str) -> None:
    """Forget the secret NAME of REPO."""
    with open_app() as app:
        repository = _repository(app, repo)
        secrets.remove_secret(app, repository, name, actor=actor())
        click.echo(f"removed {name} of {repository.forge}:{repository.path}")


@secret.command()
def rotate() -> None:
    """Encrypt all secrets with the first key of ASSAY_SECRET_KEY.

    Afterwards the other keys can be taken out of the list.
    """
    with open_app() as app:
        resealed = secrets.reseal(app)
        click.echo(f"encrypted {resealed.done} secrets with the first key")
        for one in resealed.locked:
            click.echo(f"assay: no key opens {one.name} of repository {one.repository}; set it again", err=True)
    if resealed.locked:
        sys.exit(4)


def _repository(app: App, repo: str) -> Repository:
    return secrets.find_repository(app, repo, tuple(dict.fromkeys((*_FIRST, *app.forges))))


def _value(name: str, file: Path | None) -> str:
    if file is None and sys.stdin.isatty():
        return str(click.prompt(f"Value of {name}", hide_input=True, confirmation_prompt=True))
    data = file.read_bytes() if file else sys.stdin.buffer.read()
    text = data.decode("utf-8", "surrogateescape")  # what is no text is refused with the others
    line = text.removesuffix("\n").removesuffix("\r")
    return text if "\n" in line else line

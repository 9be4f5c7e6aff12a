"""`assay auth`: the token with which the other commands call a server."""

import json
import os
import sys

import click

from bot.cli.calling import DENIED, Server, checked, hosts_file, plain, read_hosts, server_here, token_for
from bot.cli.workplace import fail


@click.group()
def auth() -> None:
    """Sign in to a server with a token, see where you are signed in, sign out."""


@auth.command()
@click.option("--server", "url", help="Its address; without it the one that is used here.")
def login(url: str | None) -> None:
    """Keep a token for a server, once it has taken it.

    The token comes from standard input or a prompt; an argument would be seen by everybody on this machine. It is
    kept in ~/.config/assay/hosts.toml, which only you can read.
    """
    url = checked(url) if url else server_here()
    prompt = f"Token for {url}"
    token = (click.prompt(prompt, hide_input=True) if sys.stdin.isatty() else sys.stdin.read()).strip()
    if not token.isascii() or not token.isprintable() or " " in token or not token:
        fail("that is no token")
    Server(url, token).get("/runs", limit=1)
    hosts = read_hosts()
    hosts[url] = {"token": token}
    _write(hosts)
    click.echo(f"signed in to {url}")


@auth.command()
@click.option("--json", "as_json", is_flag=True, help="For programs.")
def status(*, as_json: bool) -> None:
    """Which server is used here, and whether it takes the token."""
    url = server_here()
    token = token_for(url)
    if token is None:
        fail(f"not signed in to {url}", DENIED)
    Server(url, token).get("/runs", limit=1)
    click.echo(json.dumps({"server": url, "signed_in": True}) if as_json else f"signed in to {url}")


@auth.command()
@click.option("--server", "url", help="Its address; without it the one that is used here.")
def logout(url: str | None) -> None:
    """Forget the token of a server. It stays valid: revoke it on the server."""
    url = checked(url) if url else server_here()
    hosts = read_hosts()
    if hosts.pop(url, None) is None:
        fail(f"not signed in to {plain(url)}", DENIED)
    _write(hosts)
    click.echo(f"signed out of {url}")


def _write(hosts: dict[str, dict[str, str]]) -> None:
    """In place of what was there, whole or not at all; JSON's texts are TOML's too."""
    path = hosts_file()
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    lines = []
    for url, facts in hosts.items():
        lines.append(f"[{json.dumps(url)}]")
        lines += [f"{name} = {json.dumps(value)}" for name, value in facts.items()]
    new = path.with_name(f"{path.name}.{os.getpid()}")
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as file:
        file.write("\n".join([*lines, ""]))
    new.replace(path)

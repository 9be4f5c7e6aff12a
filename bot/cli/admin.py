"""`assay admin`: the tokens of programs and the link to the set-up, on the server itself."""

import re
import secrets
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

import click

from bot.app import access, setting_up
from bot.cli.acting import actor
from bot.cli.opening import open_app
from bot.domain.tokens import Scope, Token

_DAYS: Final = {"d": 1, "w": 7, "y": 365}
_LONGEST: Final = 36500


class _Life(click.ParamType[timedelta]):
    name = "time"

    def convert(self, value: object, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        found = re.fullmatch(r"([0-9]{1,5})([dwy])", str(value), re.ASCII)
        days = int(found[1]) * _DAYS[found[2]] if found else 0
        if not 0 < days <= _LONGEST:
            self.fail(f"{value} is no time such as 90d, 12w or 1y", param, ctx)
        return timedelta(days=days)


@click.group()
def admin() -> None:
    """What only the operator may do."""


@admin.command("setup-link")
def setup_link() -> None:
    """Print a link that opens the set-up in the browser, once.

    It works for a week; an earlier one ends.
    """
    with open_app() as app:
        click.echo(setting_up.make_link(app, secrets.token_urlsafe(32), actor=actor()))


@admin.group()
def token() -> None:
    """Tokens, with which programs start, cancel and read runs over the API."""


@token.command()
@click.argument("name")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    type=click.Choice([scope.value for scope in Scope]),
    help="What it may do; can be given more than once. Without it: runs:read and runs:write.",
)
@click.option("--expires", "life", type=_Life(), help="Ends after that time, such as 90d; without it, when revoked.")
def create(name: str, scopes: Sequence[str], life: timedelta | None) -> None:
    """Make a token and print it, once.

    NAME says in the audit who did something.
    """
    with open_app() as app:
        text = access.create(
            app,
            name,
            [Scope(one) for one in scopes] or access.DEFAULT,
            secret=secrets.token_urlsafe(32),
            expires_at=app.now() + life if life else None,
            actor=actor(),
        )
    click.echo(text)
    click.echo("assay: keep it well; it can't be shown again", err=True)


@token.command("list")
def list_tokens() -> None:
    """Show all tokens, without what makes them valid."""
    with open_app() as app:
        rows = [_row(one, app.now()) for one in access.tokens(app)]
    for row in [("ID", "NAME", "STATE", "SCOPES", "CREATED", "EXPIRES", "LAST USED"), *rows]:
        click.echo("{:12}  {:20}  {:8}  {:32}  {:10}  {:10}  {}".format(*row))


def _row(one: Token, now: datetime) -> tuple[str, ...]:
    state = "live" if one.is_live(now) else "revoked" if one.revoked_at else "expired"
    return (
        one.id,
        one.name,
        state,
        " ".join(one.scopes),
        f"{one.created_at:%Y-%m-%d}",
        f"{one.expires_at:%Y-%m-%d}" if one.expires_at else "never",
        f"{one.used_at:%Y-%m-%d %H}h UTC" if one.used_at else "never",
    )


@token.command()
@click.argument("which", metavar="NAME|ID")
def revoke(which: str) -> None:
    """End a token at once."""
    with open_app() as app:
        ended = access.revoke(app, which, actor=actor())
    click.echo(f"revoked token {ended.name} ({ended.id})")

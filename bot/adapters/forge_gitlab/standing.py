"""Who we are to GitLab and what we may do there, for the operator (FORGES §3.6)."""

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Final

from bot.adapters.forge_gitlab.client import Client
from bot.domain.errors import Refused
from bot.domain.findings import Finding
from bot.foreign.fields import MAX_LOGIN, Fields

_SOON: Final = timedelta(days=30)


def examine(client: Client, now: datetime) -> Iterator[Finding]:
    """Raises: ForgeUnavailable."""
    try:
        user = Fields(client.get("/user"))
    except Refused as error:
        yield Finding(ok=False, text=f"GitLab refuses the token: {error}", help="its user may be blocked")
        return
    yield Finding(ok=True, text=f"GitLab knows us as {user.text('username', MAX_LOGIN)}, by a token")
    try:
        token = Fields(client.get("/personal_access_tokens/self"))
    except Refused:
        return  # an older server, or a kind of token that can't look at itself
    scopes = token.data.get("scopes")
    if isinstance(scopes, list) and "api" not in scopes:
        yield Finding(
            ok=False, text="the token lacks the scope api", help="without it there are no statuses and notes"
        )
    yield from _end(token.text("expires_at", 10), now)


def _end(text: str, now: datetime) -> Iterator[Finding]:
    try:
        ends = date.fromisoformat(text)
    except ValueError:
        return
    help_ = "make a new one for the same user and set ASSAY_GITLAB_TOKEN" if ends - now.date() < _SOON else ""
    yield Finding(ok=not help_, text=f"the token ends on {ends.isoformat()}", help=help_)

"""Tickets: a live log is opened once with one, where no header can carry a token (RELIABILITY S120)."""

import hashlib
from typing import Final

from bot.app import access, queries
from bot.app.access import Unauthorized
from bot.app.context import App
from bot.app.queries import Viewer
from bot.domain.runs import RunId

LASTS: Final = 30
"""Seconds in which it must be used."""


def give(app: App, viewer: Viewer, run: RunId, secret: str) -> str:
    """For that run and who asks. `secret`: 256 random bits as text. Raises: Unauthorized: no token. Gone."""
    queries.run(app, viewer, run)
    if not viewer.token:
        raise Unauthorized("this needs a token: Authorization: Bearer assay_…")
    with app.work() as work:
        work.tickets.put(_digest(secret), run, viewer.token, LASTS)
    return secret


def take(app: App, run: RunId, ticket: str) -> str:
    """The id of its bearer's token, once. Raises: Unauthorized."""
    with app.work() as work:
        token = work.tickets.take(_digest(ticket), run)
    if token is None:
        raise Unauthorized("the ticket is not valid")
    return token


def bearer(reader: App, token: str) -> Viewer:
    """As they may now. Raises: Unauthorized: the token has ended since."""
    viewer = access.viewer_of_token(reader, token)
    if viewer is None:
        raise Unauthorized("the token is not valid")
    return viewer


def _digest(text: str) -> str:
    """A fast one is right: nobody can try 256 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()

"""Tokens on the settings page of a repository, which are good there alone."""

import secrets
from typing import Any, Final

from bot.app import access, own_tokens
from bot.app.context import App
from bot.app.queries import Viewer
from bot.domain.refs import Repository
from bot.domain.tokens import OF_PLACES, Scope
from bot.web.operators import DAYS, Form

_DAYS: Final = {value: words for value, words in DAYS.items() if value}
"""All of them end."""


def facts(app: App, repository: Repository) -> dict[str, Any]:
    """What the page tells of them."""
    found = own_tokens.of_repository(app, repository.id)
    return {
        "tokens": sorted(found, key=lambda one: (not one.is_live(app.now()), one.name)),
        "now": app.now(),
        "scopes": [scope for scope in Scope if scope in OF_PLACES],
        "usual": access.DEFAULT,
        "days": _DAYS,
    }


def make(app: App, repository: Repository, viewer: Viewer, form: Form) -> str:
    """Its text, for one answer. Raises: BadInput."""
    days, name = form.get("days", ""), form.get("name", "").strip()
    return own_tokens.make_for(
        app,
        viewer,
        repository,
        name,
        [scope for scope in Scope if f"scope-{scope}" in form],
        days=int(days) if days in _DAYS else 0,
        secret=secrets.token_urlsafe(32),
    )


def revoke(app: App, repository: Repository, viewer: Viewer, form: Form) -> str:
    """Raises: Gone."""
    own_tokens.revoke_for(app, viewer, repository, form.get("id", ""))
    return "no-token"

"""Tokens that people make for themselves and for repositories that they look after; never more than the maker may."""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Final

from bot.app import access
from bot.app.access import Forbidden
from bot.app.context import App
from bot.app.queries import Viewer
from bot.domain.errors import BadInput, Gone
from bot.domain.refs import Repository, RepositoryId
from bot.domain.tokens import OF_PLACES, Bound, Scope, Token

LONGEST: Final = 366
"""Days that one lasts at most."""


def grantable(viewer: Viewer) -> frozenset[Scope]:
    """What a token of theirs may have: all that may be theirs somewhere; of who comes with a token, what that has."""
    if viewer.may(Scope.ADMIN):
        return frozenset(Scope)
    return viewer.own | viewer.scopes if viewer.token else OF_PLACES


def of_person(app: App, viewer: Viewer) -> Sequence[Token]:
    """Oldest first, those that ended too. Raises: Forbidden: who asks is no person."""
    bound = _person(viewer)
    return [one for one in access.tokens(app) if _is_of(one, bound)]


def make(app: App, viewer: Viewer, name: str, scopes: Sequence[Scope], *, days: int, secret: str) -> str:
    """For who asks; gives its text, once. Raises: Forbidden. BadInput."""
    bound = _person(viewer)
    return _make(app, viewer, name, scopes, days, secret, bound)


def revoke(app: App, viewer: Viewer, token: str) -> None:
    """Raises: Forbidden. Gone: they have no such live token."""
    _revoke(app, viewer, token, _person(viewer))


def of_repository(app: App, repository: RepositoryId) -> Sequence[Token]:
    """Oldest first, those that ended too. Who may ask is the caller's to know, as for the next two."""
    return [one for one in access.tokens(app) if _is_of(one, Bound(repository=repository))]


def make_for(
    app: App, viewer: Viewer, repository: Repository, name: str, scopes: Sequence[Scope], *, days: int, secret: str
) -> str:
    """For a program that works with that repository alone; gives its text, once. Raises: Forbidden. BadInput."""
    return _make(app, viewer, name, scopes, days, secret, Bound(repository=repository.id))


def revoke_for(app: App, viewer: Viewer, repository: Repository, token: str) -> None:
    """Raises: Gone."""
    _revoke(app, viewer, token, Bound(repository=repository.id))


def _person(viewer: Viewer) -> Bound:
    if viewer.person is None:
        raise Forbidden("only people have tokens of their own")
    return Bound(forge=viewer.forge, person=viewer.person)


def _is_of(token: Token, bound: Bound) -> bool:
    """Of the same account, whatever its login is by now."""
    theirs = token.bound
    if theirs is None or (theirs.forge, theirs.repository) != (bound.forge, bound.repository):
        return False
    return (theirs.person and theirs.person.id) == (bound.person and bound.person.id)


def _make(app: App, viewer: Viewer, name: str, scopes: Sequence[Scope], days: int, secret: str, bound: Bound) -> str:
    if not scopes or not 1 <= days <= LONGEST:
        raise BadInput(f"choose at least one scope, and an end within {LONGEST} days")
    most = grantable(viewer) if bound.person else grantable(viewer) & OF_PLACES
    if over := [scope for scope in scopes if scope not in most]:
        raise Forbidden(f"this token can't have the scope {over[0]}")
    ends = _at_most(app, viewer, app.now() + timedelta(days=days))
    return access.create(app, name, scopes, secret=secret, expires_at=ends, actor=viewer.actor, bound=bound)


def _at_most(app: App, viewer: Viewer, ends: datetime) -> datetime:
    """A token makes none that outlives it."""
    with app.work() as work:
        maker = work.tokens.get(viewer.token) if viewer.token else None
    return min(ends, maker.expires_at) if maker and maker.expires_at else ends


def _revoke(app: App, viewer: Viewer, token: str, bound: Bound) -> None:
    if token not in {one.id for one in access.tokens(app) if _is_of(one, bound)}:
        raise Gone("there is no such token")
    access.revoke(app, token, actor=viewer.actor)

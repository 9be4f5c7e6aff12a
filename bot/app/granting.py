"""Access tokens: signed for a short time, read strictly; their keys are made, changed and forgotten by themselves."""

from dataclasses import dataclass
from datetime import timedelta
from typing import Final

from bot.app.context import App
from bot.domain.errors import Refused
from bot.domain.tokens import Scope
from bot.ports.signing import SigningKey

LASTS: Final = timedelta(minutes=15)
_LEEWAY: Final = timedelta(seconds=30)
"""Clocks differ."""
_SIGNS: Final = timedelta(days=30)
"""A key; then there is a new one, and the old one stays until its last token has ended."""
_STAYS: Final = _SIGNS + LASTS + _LEEWAY


@dataclass(frozen=True, slots=True)
class Granted:
    token: str
    """Of the program that it was given to, by its id."""
    scopes: frozenset[Scope]


def sign(app: App, token: str, scopes: frozenset[Scope]) -> str:
    """For the program of that token."""
    key, private = _signing_key(app)
    now = app.now()
    claims = {
        "iss": app.url,
        "aud": app.url,
        "sub": token,
        "jti": app.new_id(),
        "iat": int(now.timestamp()),
        "exp": int((now + LASTS).timestamp()),
        "scope": " ".join(sorted(scopes)),
    }
    return app.signer.sign(claims, private, key)


def read(reader: App, text: str) -> Granted:
    """Raises: Refused: not one of ours, or it has ended."""
    key_id = reader.signer.key_of(text)
    now = reader.now()
    with reader.work() as work:
        key = work.signing_keys.get(key_id)
    if key is None or now - key.created_at > _STAYS:
        raise Refused("the access token has an unknown key")
    claims = reader.signer.claims(text, key.public, reader.url)
    subject, scope, made, ends = (claims[name] for name in ("sub", "scope", "iat", "exp"))
    if not (isinstance(subject, str) and isinstance(scope, str) and isinstance(made, int) and isinstance(ends, int)):
        raise Refused("the access token says something else than ours")
    leeway = _LEEWAY.total_seconds()
    if not now.timestamp() - leeway < ends <= made + LASTS.total_seconds() or made > now.timestamp() + leeway:
        raise Refused("the access token has ended, or has not begun")
    return Granted(subject, frozenset(one for one in Scope if one in scope.split(" ")))


def _signing_key(app: App) -> tuple[str, bytes]:
    with app.work() as work:
        newest = work.signing_keys.newest()
    if newest is not None and app.now() - newest.created_at < _SIGNS and (private := _opened(app, newest)):
        return newest.id, private
    private, public = app.signer.new_pair()
    made = SigningKey(id=app.new_id(), private=app.vault.encrypt(private), public=public, created_at=app.now())
    with app.work() as work:
        work.signing_keys.forget(app.now() - _STAYS)
        work.signing_keys.add(made)
    return made.id, private


def _opened(app: App, key: SigningKey) -> bytes | None:
    """None: the vault's key was given up; a new key costs nothing."""
    try:
        return app.vault.decrypt(key.private)
    except Refused:
        return None

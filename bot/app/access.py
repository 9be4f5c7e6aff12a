"""Tokens of programs: made, looked at, revoked; and who it is that shows one (DESIGN §2.12)."""

import hashlib
import hmac
import re
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Final

import structlog

from bot.app import granting
from bot.app.context import App
from bot.app.queries import ANYBODY, Viewer
from bot.domain.errors import BadInput, BotError, Gone, NotAllowed, Refused, StoreBusy
from bot.domain.refs import ForgeName, Person, Repository
from bot.domain.tokens import OF_PLACES, Bound, Scope, Token
from bot.ports.forge import Permission

log = structlog.get_logger()

DEFAULT: Final = (Scope.READ, Scope.WRITE)
_NEEDED: Final = {
    Scope.READ: Permission.READ,
    Scope.WRITE: Permission.WRITE,
    Scope.APPROVE: Permission.WRITE,
    Scope.REPOSITORIES: Permission.ADMIN,
}
"""What the person must be allowed at the forge."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", re.ASCII)
_TEXT: Final = re.compile(r"assay_(?P<id>[0-9A-Za-z]{1,32})_(?P<secret>[0-9A-Za-z_-]{1,128})", re.ASCII)
_COARSE: Final = timedelta(hours=1)
"""How exact the time of the last use is; finer would make a write of every read."""


class Unauthorized(BotError):
    """No token where one is needed, or one that is not valid; which of its faults is nobody's business."""

    code = "unauthorized"


class Forbidden(BotError):
    """A token without the scope."""

    code = "forbidden"


@dataclass(frozen=True, slots=True)
class Access:
    text: str = field(repr=False)
    scopes: frozenset[Scope]


def viewer_of(app: App, reader: App, authorization: str | None) -> Viewer:
    """Who sends that header; `reader` has transactions that only read.

    HTTP Basic is left to the proxy in front that asked for it.

    Raises:
        Unauthorized: any other header than that of a token that is live now.
    """
    if authorization is None or authorization[:6].lower() == "basic ":
        return ANYBODY
    kind, _, text = authorization.partition(" ")
    found = _grantee(reader, text) or _live_token(reader, text) if kind.lower() == "bearer" else None
    if found is None:
        raise Unauthorized("the token is not valid")
    _note_use(app, found)
    return _viewer(reader, found)


def viewer_of_token(reader: App, token: str) -> Viewer | None:
    """As the token of that id is now; None: it lets nobody in any more."""
    with reader.work() as work:
        found = work.tokens.get(token)
    return None if found is None or not found.is_live(reader.now()) else _viewer(reader, found)


def _viewer(reader: App, token: Token) -> Viewer:
    """A person's token that is good everywhere is so only while they are one of those who run this."""
    scopes, bound = frozenset(token.scopes), token.bound
    if bound is None:
        return Viewer(token=token.id, name=token.name, scopes=scopes)
    is_admin = bound.person is not None and is_operator(reader, bound.forge, bound.person)
    return Viewer(
        token=token.id,
        name=token.name,
        scopes=scopes - OF_PLACES if is_admin else frozenset(),
        own=scopes & OF_PLACES,
        forge=bound.forge,
        person=bound.person,
        repository=bound.repository,
    )


def is_operator(reader: App, forge: ForgeName | None, person: Person) -> bool:
    """Is it one of the people whom ASSAY_ADMINS names."""
    return not reader.rules.admins.isdisjoint({f"{forge}:{person.id}", f"{forge}:{person.login}".lower()})


def grant(app: App, client: str, secret: str, wanted: frozenset[Scope]) -> Access:
    """An access token for a quarter of an hour, with the id and the secret of a token (RFC 6749 §4.4).

    `wanted`: empty for all of the token's scopes.

    Raises:
        Unauthorized: no such token is live. Forbidden: a scope that it does not have.
    """
    found = _live_token(app, f"assay_{client}_{secret}")
    if found is None:
        raise Unauthorized("there is no such client")
    scopes = wanted or frozenset(found.scopes)
    if Scope.ADMIN not in found.scopes and not scopes <= frozenset(found.scopes):
        raise Forbidden(f"the token {found.name} does not have these scopes")
    _note_use(app, found)
    return Access(granting.sign(app, found.id, scopes), scopes)


def _grantee(reader: App, text: str) -> Token | None:
    """The token that an access token was given for, with the scopes of both; None: it lets nobody in (S115)."""
    if text.count(".") == 0:
        return None
    try:
        granted = granting.read(reader, text)
    except Refused:
        return None
    with reader.work() as work:
        found = work.tokens.get(granted.token)
    if found is None or not found.is_live(reader.now()):
        return None
    is_admin = Scope.ADMIN in found.scopes
    return replace(found, scopes=tuple(one for one in granted.scopes if is_admin or one in found.scopes))


def require(viewer: Viewer, scope: Scope) -> None:
    """For what is about all of the installation. Raises: Unauthorized: nobody has signed in. Forbidden."""
    if viewer == ANYBODY:
        raise Unauthorized(f"this needs a token with the scope {scope}: Authorization: Bearer assay_…")
    if not viewer.may(scope):
        raise Forbidden(f"the token {viewer.name} does not have the scope {scope}")


def require_somewhere(viewer: Viewer, scope: Scope) -> None:
    """Before it is known which repository it is about; then `require_at` decides. Raises: as `require`."""
    if scope not in viewer.own:
        require(viewer, scope)


def require_at(app: App, viewer: Viewer, scope: Scope, repository: Repository) -> None:
    """For what is about one repository; a person's rights are asked from the forge now.

    Raises: as `require`; ForgeUnavailable.
    """
    if viewer.may(scope):
        return
    require_somewhere(viewer, scope)
    if viewer.repository is not None:
        if viewer.repository != repository.id:
            raise Forbidden(f"the token {viewer.name} is of another repository")
    elif _permission(app, viewer, repository) < _NEEDED[scope]:
        raise Forbidden(f"you need more than you may in {repository.path}")


def _permission(app: App, viewer: Viewer, repository: Repository) -> Permission:
    if viewer.person is None or viewer.forge != repository.forge:
        return Permission.NONE
    try:
        return app.forge_of(repository).permission(repository, viewer.person)
    except (Gone, NotAllowed, Refused):
        return Permission.NONE


def _live_token(reader: App, text: str) -> Token | None:
    shape = _TEXT.fullmatch(text)
    if shape is None:
        return None
    with reader.work() as work:
        found = work.tokens.get(shape["id"])
    if found is None or not hmac.compare_digest(found.digest, _digest(text)) or not found.is_live(reader.now()):
        return None
    return found


def _digest(text: str) -> str:
    """A fast one is right: nobody can try 256 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()


def _note_use(app: App, found: Token) -> None:
    now = app.now()
    if found.used_at is None or now - found.used_at > _COARSE:
        # A read must not fail because this can't be written just now.
        with suppress(StoreBusy), app.work() as work:
            work.tokens.used(found.id, now)


def create(
    app: App,
    name: str,
    scopes: Sequence[Scope],
    *,
    secret: str,
    expires_at: datetime | None,
    actor: str,
    bound: Bound | None = None,
) -> str:
    """Gives the token's text, which can't be told again. `secret`: 256 random bits as text.

    Raises:
        BadInput: a name that can't be one, or that a live token has.
    """
    if not _NAME.fullmatch(name):
        raise BadInput("a name is up to 63 letters, digits and . _ - and begins with a letter or digit")
    now = app.now()
    token_id = app.new_id()[:12]
    text = f"assay_{token_id}_{secret}"
    made = Token(
        id=token_id,
        name=name,
        digest=_digest(text),
        scopes=tuple(dict.fromkeys(scopes)),
        bound=bound,
        created_at=now,
        expires_at=expires_at,
    )
    with app.work() as work:
        if any((one.name, one.bound) == (name, bound) and one.is_live(now) for one in work.tokens.all()):
            raise BadInput(f"there is a token {name}; revoke it first, or choose another name")
        work.tokens.add(made)
        detail = " ".join(made.scopes)
        work.audit.add(
            repository=None,
            actor=actor,
            action="create token",
            subject=f"token:{name}",
            detail=detail,
        )
    log.info("token.created", name=name, id=token_id, scopes=detail)
    return text


def tokens(app: App) -> Sequence[Token]:
    """Oldest first, those that ended too."""
    with app.work() as work:
        return work.tokens.all()


def revoke(app: App, which: str, *, actor: str) -> Token:
    """By name, if it is the operator's, or id; it ends at once, also what follows a log with it.

    Raises:
        Gone: no live token is called that.
    """
    with app.work() as work:
        known = [one for one in work.tokens.all() if one.revoked_at is None]
        live = [one for one in known if which == one.id or (which == one.name and one.bound is None)]
        if not live:
            raise Gone(f"there is no token {which}")
        # The newest: an older one of that name has expired.
        found = live[-1]
        work.tokens.revoke(found.id, app.now())
        work.audit.add(
            repository=None,
            actor=actor,
            action="revoke token",
            subject=f"token:{found.name}",
            detail=found.id,
        )
    log.info("token.revoked", name=found.name, id=found.id)
    return found

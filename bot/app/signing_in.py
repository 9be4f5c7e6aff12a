"""People sign in with their account at a forge (DESIGN §2.12): begun here, proved there, kept as a session."""

import hashlib
import hmac
import json
import re
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from bot.app import access
from bot.app.access import Forbidden
from bot.app.context import App
from bot.app.queries import Viewer
from bot.domain.errors import BadInput, Gone, Refused
from bot.domain.refs import ForgeName
from bot.domain.sessions import Session
from bot.domain.tokens import Scope

log = structlog.get_logger()

AT_THE_FORGE: Final = 600
"""Seconds for which a sign-in may be under way."""
LASTS: Final = timedelta(days=14)
_OWN_PATH: Final = re.compile(r"/(?![/\\])[\x21-\x5b\x5d-\x7e]*", re.ASCII)
_LONGEST: Final = 1000


@dataclass(frozen=True, slots=True)
class Begun:
    address: str
    """Of the forge, for the browser."""
    flow: str = field(repr=False)
    """For the browser to bring back with the forge's answer; only we can read it."""


@dataclass(frozen=True, slots=True)
class SignedIn:
    session: str = field(repr=False)
    """For the browser to keep."""
    then: str
    """The page that was wanted."""


def own_path(text: str) -> str:
    """The path, if it leads to a page of ours, else the first page (RELIABILITY S119)."""
    return text if len(text) <= _LONGEST and _OWN_PATH.fullmatch(text) else "/"


def begin(app: App, forge: ForgeName, *, then: str, state: str, verifier: str) -> Begun:
    """`state`, `verifier`: 256 random bits each, as text (RFC 7636 §4.1). Raises: Gone: nobody can sign in there."""
    if forge not in app.sign_ins:
        raise Gone("nobody can sign in there")
    facts = {"forge": forge, "state": state, "verifier": verifier, "then": own_path(then), "until": _time(app)}
    address = app.sign_ins[forge].address(state=state, verifier=verifier, redirect=_redirect(app, forge))
    return Begun(address, app.vault.encrypt(json.dumps(facts).encode()).decode("ascii"))


def finish(app: App, forge: ForgeName, *, flow: str, state: str, code: str, secret: str) -> SignedIn:
    """The browser is back from the forge. `secret`: 256 random bits as text, for the session.

    Raises:
        BadInput: not the answer to what this browser began here a moment ago.
        Refused, ForgeUnavailable: as `SignIn.person`.
    """
    facts = _flow(app, forge, flow)
    if not hmac.compare_digest(facts["state"].encode(), state.encode()) or not code:
        raise BadInput("this is not the answer to a sign-in that was begun here")
    person = app.sign_ins[forge].person(code=code, verifier=facts["verifier"], redirect=_redirect(app, forge))
    now = app.now()
    session = Session(digest=_digest(secret), forge=forge, person=person, created_at=now, expires_at=now + LASTS)
    with app.work() as work:
        work.sessions.add(session)
        work.audit.add(
            repository=None, actor=person.login, action="sign in", subject=f"person:{forge}:{person.id}", detail=""
        )
    log.info("session.begun", forge=forge, person=person.id)
    return SignedIn(secret, facts["then"])


def sign_out(app: App, session: str) -> None:
    with app.work() as work:
        work.sessions.end(_digest(session))


def viewer_of(reader: App, session: str) -> Viewer | None:
    """Whose session that is, while it lasts."""
    with reader.work() as work:
        found = work.sessions.get(_digest(session), reader.now())
    if found is None or found.forge not in reader.forges:
        return None
    scopes = frozenset({Scope.ADMIN} if access.is_operator(reader, found.forge, found.person) else ())
    return Viewer(name=found.person.login, scopes=scopes, forge=found.forge, person=found.person)


def form_key(session: str) -> str:
    """What a form of that session carries, so that no other site's page can send it (CSRF)."""
    return hashlib.sha256(f"form:{session}".encode()).hexdigest()


def check_form(session: str, key: str) -> None:
    """Raises: Forbidden."""
    if not hmac.compare_digest(form_key(session).encode(), key.encode()):
        raise Forbidden("the form is of another session: go back, load the page again and try once more")


def _flow(app: App, forge: ForgeName, flow: str) -> dict[str, str]:
    try:
        facts = json.loads(app.vault.decrypt(flow.encode()))
    except Refused as error:
        raise BadInput("this is not the answer to a sign-in that was begun here") from error
    if facts["forge"] != forge or forge not in app.sign_ins or float(facts["until"]) < app.now().timestamp():
        raise BadInput("the sign-in took too long")
    return dict(facts)


def _time(app: App) -> float:
    return app.now().timestamp() + AT_THE_FORGE


def _redirect(app: App, forge: ForgeName) -> str:
    return f"{app.url}/sign-in/{forge}/done"


def _digest(text: str) -> str:
    """A fast one is right: nobody can try 256 random bits."""
    return hashlib.sha256(text.encode()).hexdigest()

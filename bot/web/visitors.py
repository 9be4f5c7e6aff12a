"""People in browsers: the cookie that says who has signed in, and what their forms must carry."""

from typing import Final
from urllib.parse import urlsplit

from starlette.requests import HTTPConnection
from starlette.responses import Response

from bot.app import access, signing_in
from bot.app.access import Forbidden
from bot.app.queries import ANYBODY, Viewer
from bot.web.site import Site, site_of

_READING: Final = frozenset({"GET", "HEAD"})
_LONGEST: Final = 100


def viewer_of(connection: HTTPConnection) -> Viewer:
    """Who asks: whose token the header has, else who has signed in.

    The cookie counts only where nothing is changed, and on a websocket only for our own pages: a form that changes
    something says itself whose it is (`person_of_form`), so no other site can act in somebody's name (CSRF).

    Raises: Unauthorized, for a token that is not valid, also where anybody may read.
    """
    site = site_of(connection)
    viewer = access.viewer_of(site.app, site.reader, connection.headers.get("authorization"))
    if viewer != ANYBODY or not _may_use_cookie(connection):
        return viewer
    return signed_in(connection) or ANYBODY


def signed_in(connection: HTTPConnection) -> Viewer | None:
    text = session_of(connection)
    return signing_in.viewer_of(site_of(connection).reader, text) if text else None


def _may_use_cookie(connection: HTTPConnection) -> bool:
    if connection.scope["type"] == "websocket":
        return connection.headers.get("origin") == own_origin(site_of(connection))
    return connection.scope["method"] in _READING


def own_origin(site: Site) -> str:
    own = urlsplit(site.app.url)
    return f"{own.scheme}://{own.netloc}"


def person_of_form(connection: HTTPConnection, key: str) -> Viewer:
    """Who sent a form. Raises: Forbidden: nobody who has signed in, or from elsewhere."""
    site, text = site_of(connection), session_of(connection)
    check_form(connection, text, key)
    viewer = signing_in.viewer_of(site.reader, text) if text else None
    if viewer is None:
        raise Forbidden("you are no longer signed in")
    return viewer


def check_form(connection: HTTPConnection, session: str, key: str) -> None:
    """Raises: Forbidden: it is another session's, or from elsewhere."""
    origin = connection.headers.get("origin")
    if origin is not None and origin != own_origin(site_of(connection)):
        raise Forbidden("the form is of another site")
    signing_in.check_form(session, key)


def session_of(connection: HTTPConnection) -> str:
    return cookie(connection, "session")


def flow_of(connection: HTTPConnection, what: str = "sign-in") -> str:
    """Sealed by the vault."""
    return connection.cookies.get(_name(site_of(connection), what), "")


def cookie(connection: HTTPConnection, what: str) -> str:
    """A secret of ours that the browser keeps; nothing when it is missing."""
    text = connection.cookies.get(_name(site_of(connection), what), "")
    return text if len(text) <= _LONGEST else ""


def keep_session(response: Response, site: Site, text: str) -> None:
    keep(response, site, "session", text, round(signing_in.LASTS.total_seconds()))


def keep_flow(response: Response, site: Site, text: str) -> None:
    keep(response, site, "sign-in", text, signing_in.AT_THE_FORGE)


def forget(response: Response, site: Site, what: str) -> None:
    keep(response, site, what, "", 0)


def keep(response: Response, site: Site, what: str, text: str, seconds: int) -> None:
    """Not for scripts, not for other sites; the prefix lets nobody on a neighbouring host set it (RFC 6265bis)."""
    secure = _is_secure(site)
    response.set_cookie(
        _name(site, what), text, max_age=seconds, path="/", httponly=True, samesite="lax", secure=secure
    )


def _name(site: Site, what: str) -> str:
    return f"__Host-assay-{what}" if _is_secure(site) else f"assay-{what}"


def _is_secure(site: Site) -> bool:
    return site.app.url.startswith("https://")

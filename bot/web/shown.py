"""Pages as their viewer sees them: with who has signed in, and the key for the forms."""

from typing import Any, Final

from starlette.requests import Request

from bot.app import signing_in
from bot.domain.tokens import Scope
from bot.web.site import rendered, site_of
from bot.web.visitors import session_of, signed_in

NOBODY: Final[dict[str, Any]] = {"visitor": None, "key": "", "address": "/", "is_admin": False}


def shown(request: Request, template: str, **facts: object) -> str:
    """The page whole."""
    return rendered(site_of(request), template, **frame_of(request), **facts)


def frame_of(request: Request) -> dict[str, Any]:
    """What every page needs for its head and its forms."""
    visitor = signed_in(request)
    query = f"?{request.url.query}" if request.url.query else ""
    return {
        "visitor": visitor,
        "is_admin": visitor is not None and visitor.may(Scope.ADMIN),
        "key": signing_in.form_key(session_of(request)) if visitor else "",
        "address": signing_in.own_path(f"{request.url.path}{query}"),
    }

"""The page where people make, see and end tokens of their own."""

import secrets

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response

from bot.app import access, own_tokens
from bot.app.queries import Viewer
from bot.domain.errors import BadInput
from bot.domain.tokens import Scope
from bot.web.forms import read_form
from bot.web.operators import DAYS, private_page, to_sign_in
from bot.web.site import site_of
from bot.web.visitors import person_of_form, signed_in

_PLACE = "/me/tokens"


def show(request: Request) -> Response:
    viewer = signed_in(request)
    return to_sign_in(request) if viewer is None else _page(request, viewer)


async def make(request: Request) -> Response:
    return await run_in_threadpool(_make, request, await read_form(request))


async def revoke(request: Request) -> Response:
    return await run_in_threadpool(_revoke, request, await read_form(request))


def _make(request: Request, form: dict[str, str]) -> Response:
    """Its text is on this one answer and nowhere else."""
    viewer, days = person_of_form(request, form.get("key", "")), form.get("days", "")
    scopes = [scope for scope in Scope if f"scope-{scope}" in form]
    try:
        made = own_tokens.make(
            site_of(request).app,
            viewer,
            form.get("name", "").strip(),
            scopes,
            days=int(days) if days in DAYS and days else 0,
            secret=secrets.token_urlsafe(32),
        )
    except BadInput as error:
        return _page(request, viewer, trouble=str(error), status=400)
    return _page(request, viewer, made=made)


def _revoke(request: Request, form: dict[str, str]) -> Response:
    viewer = person_of_form(request, form.get("key", ""))
    own_tokens.revoke(site_of(request).app, viewer, form.get("id", ""))
    return RedirectResponse(f"{site_of(request).app.url}{_PLACE}", 303)


def _page(request: Request, viewer: Viewer, *, made: str = "", trouble: str = "", status: int = 200) -> Response:
    app = site_of(request).reader
    found = sorted(own_tokens.of_person(app, viewer), key=lambda one: (not one.is_live(app.now()), one.name))
    most = own_tokens.grantable(viewer)
    return private_page(
        request,
        "tokens.html",
        status,
        place=_PLACE,
        tokens=found,
        now=app.now(),
        made=made,
        trouble=trouble,
        scopes=[scope for scope in Scope if scope in most],
        usual=access.DEFAULT,
        days={value: words for value, words in DAYS.items() if value},
    )

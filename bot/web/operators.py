"""Pages for those who run this: what waits for approval, what works, tokens of programs, what channels were told."""

import secrets
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Final

from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.app import access, listing, notifying
from bot.app.access import Forbidden
from bot.app.queries import Viewer
from bot.domain.errors import BadInput, Gone
from bot.domain.tokens import Scope
from bot.web.forms import read_form
from bot.web.shown import shown
from bot.web.site import site_of
from bot.web.visitors import person_of_form, signed_in

_PRIVATE: Final = {"Cache-Control": "no-store"}
_LISTED: Final = 100
_DIGITS: Final = 18
DAYS: Final = {"30": "in 30 days", "90": "in 90 days", "365": "in a year", "": "never"}

Form = dict[str, str]


def approvals(request: Request) -> Response:
    viewer = signed_in(request)
    if viewer is None:
        return to_sign_in(request)
    return private_page(request, "approvals.html", views=listing.approvals(site_of(request).reader, viewer))


def of_admin(show: Callable[[Request], Response]) -> Callable[[Request], Response]:
    def page(request: Request) -> Response:
        viewer = signed_in(request)
        if viewer is None:
            return to_sign_in(request)
        _require(viewer)
        return show(request)

    return page


def form_of_admin(act: Callable[[Request, Viewer, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    def do(request: Request, form: Form) -> Response:
        viewer = person_of_form(request, form.get("key", ""))
        _require(viewer)
        return act(request, viewer, form)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(do, request, await read_form(request))

    return endpoint


def _require(viewer: Viewer) -> None:
    if not viewer.may(Scope.ADMIN):
        raise Forbidden("this is for the people whom ASSAY_ADMINS names")


def _work(request: Request) -> Response:
    reader, viewer = site_of(request).reader, signed_in(request)
    assert viewer
    length, waiting = listing.queue(reader, viewer, _LISTED)
    workers = listing.workers(reader)
    with reader.work() as unit:
        unapproved = len(unit.runs.waiting_builds())
    return private_page(request, "work.html", workers=workers, waiting=waiting, length=length, unapproved=unapproved)


def _tokens(request: Request) -> Response:
    return _token_page(request)


def _token_page(request: Request, *, made: str = "", trouble: str = "", status: int = 200) -> Response:
    app = site_of(request).reader
    found = sorted(access.tokens(app), key=lambda one: (not one.is_live(app.now()), one.name))
    facts = {"tokens": found, "now": app.now(), "made": made, "trouble": trouble, "place": "/admin/tokens"}
    return private_page(request, "tokens.html", status, scopes=list(Scope), usual=access.DEFAULT, days=DAYS, **facts)


def _make_token(request: Request, viewer: Viewer, form: Form) -> Response:
    """Its text is on this one answer and nowhere else."""
    app, days = site_of(request).app, form.get("days", "-")
    scopes = [scope for scope in Scope if f"scope-{scope}" in form]
    if days not in DAYS or not scopes:
        return _token_page(request, trouble="choose at least one scope, and an end", status=400)
    ends = app.now() + timedelta(days=int(days)) if days else None
    name, secret = form.get("name", "").strip(), secrets.token_urlsafe(32)
    try:
        made = access.create(app, name, scopes, secret=secret, expires_at=ends, actor=viewer.actor)
    except BadInput as error:
        return _token_page(request, trouble=str(error), status=400)
    return _token_page(request, made=made)


def _revoke_token(request: Request, viewer: Viewer, form: Form) -> Response:
    access.revoke(site_of(request).app, form.get("id", ""), actor=viewer.actor)
    return RedirectResponse(f"{site_of(request).app.url}/admin/tokens", 303)


def _notices(request: Request) -> Response:
    with site_of(request).reader.work() as unit:
        found = unit.notices.recent(_LISTED)
    return private_page(request, "notices.html", notices=found)


def _send_again(request: Request, viewer: Viewer, form: Form) -> Response:
    app, number = site_of(request).app, form.get("number", "")
    is_number = number.isascii() and number.isdigit() and len(number) <= _DIGITS
    if not is_number or not notifying.again(app, int(number), actor=viewer.actor):
        raise Gone("there is no such notice, or it is on its way")
    return RedirectResponse(f"{app.url}/admin/notices", 303)


work = of_admin(_work)
tokens = of_admin(_tokens)
notices = of_admin(_notices)
make_token = form_of_admin(_make_token)
revoke_token = form_of_admin(_revoke_token)
send_again = form_of_admin(_send_again)


def private_page(request: Request, template: str, status: int = 200, **facts: object) -> Response:
    return HTMLResponse(shown(request, template, **facts), status, headers=_PRIVATE)


def to_sign_in(request: Request) -> Response:
    return RedirectResponse(f"{site_of(request).app.url}/sign-in?next={request.url.path}", 303)

"""Signing in with a forge, and out."""

import secrets
from typing import Final

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.app import signing_in
from bot.domain.errors import BadInput, BotError, Gone, Refused
from bot.domain.refs import ForgeName
from bot.web.forms import read_form
from bot.web.shown import shown
from bot.web.site import site_of
from bot.web.visitors import flow_of, forget, keep_flow, keep_session, person_of_form, session_of, signed_in

log = structlog.get_logger()

_PRIVATE: Final = {"Cache-Control": "no-store"}


def choose(request: Request) -> Response:
    """Where to sign in."""
    then = signing_in.own_path(request.query_params.get("next", "/"))
    if signed_in(request):
        return RedirectResponse(f"{site_of(request).app.url}{then}", 303)
    return HTMLResponse(shown(request, "signin.html", then=then), headers=_PRIVATE)


def begin(request: Request) -> Response:
    site = site_of(request)
    begun = signing_in.begin(
        site.app,
        ForgeName(request.path_params["forge"]),
        then=request.query_params.get("next", "/"),
        state=secrets.token_urlsafe(32),
        verifier=secrets.token_urlsafe(48),
    )
    response = RedirectResponse(begun.address, 303, headers=_PRIVATE)
    keep_flow(response, site, begun.flow)
    return response


def done(request: Request) -> Response:
    """The forge sends the browser here. One attempt, one session; what went wrong is said on the page."""
    site, asked = site_of(request), request.query_params
    try:
        if "error" in asked:
            raise Refused("it was not allowed at the forge")
        got = signing_in.finish(
            site.app,
            ForgeName(request.path_params["forge"]),
            flow=flow_of(request),
            state=asked.get("state", ""),
            code=asked.get("code", ""),
            secret=secrets.token_urlsafe(32),
        )
    except BotError as error:
        log.info("session.refused", error=error.code, reason=str(error))
        status = 400 if isinstance(error, (BadInput, Refused, Gone)) else 503
        html = shown(request, "signin.html", then="/", trouble=str(error))
        response: Response = HTMLResponse(html, status, headers=_PRIVATE)
    else:
        response = RedirectResponse(f"{site.app.url}{got.then}", 303, headers=_PRIVATE)
        keep_session(response, site, got.session)
    forget(response, site, "sign-in")
    return response


async def leave(request: Request) -> Response:
    form = await read_form(request)
    return await run_in_threadpool(_leave, request, form.get("key", ""))


def _leave(request: Request, key: str) -> Response:
    site = site_of(request)
    person_of_form(request, key)
    signing_in.sign_out(site.app, session_of(request))
    response = RedirectResponse(f"{site.app.url}/", 303)
    forget(response, site, "session")
    return response

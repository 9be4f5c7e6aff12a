"""Set-up in the browser: who has the link that works once, or is an administrator, says which forges there are."""

import secrets
from collections.abc import Awaitable, Callable
from typing import Final
from urllib.parse import urlsplit

import structlog
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from bot.app import examining, setting_up, signing_in
from bot.app.access import Forbidden
from bot.domain.errors import BotError, Unavailable
from bot.domain.hosts import LOOPBACK
from bot.domain.tokens import Scope
from bot.web.forms import read_form
from bot.web.frame import PAGE_POLICY
from bot.web.shown import shown
from bot.web.site import site_of
from bot.web.visitors import check_form, cookie, flow_of, forget, keep, session_of, signed_in

log = structlog.get_logger()

_PRIVATE: Final = {"Cache-Control": "no-store"}
_CHECKS: Final = ("url", "database", "engine", "storage", "keys")
_SESSION: Final = "setup"
_FLOW: Final = "setup-app"
_FIELDS: Final = ("url", "organisation", "name", "writes_files", "app_id", "client_id")
"""What a form that is shown again has of what was typed into it; nothing secret."""

Form = dict[str, str]


class _Browser:
    """One that may set up: its secret, which its forms must prove, and who it is to the audit."""

    def __init__(self, request: Request) -> None:
        """Raises: Forbidden."""
        _refuse_plain(request)
        app = site_of(request).app
        self.session, self.actor = cookie(request, _SESSION), "set-up link"
        if self.session and setting_up.is_open_for(app, self.session):
            return
        visitor = signed_in(request)
        if visitor is None or not visitor.may(Scope.ADMIN):
            raise Forbidden("this needs the link that the server printed; `assay admin setup-link` makes another")
        self.session, self.actor = session_of(request), visitor.actor


def page(request: Request) -> Response:
    """With a link, the question whether to begin: what only looks at links must not use this one up."""
    if link := request.query_params.get("link", ""):
        _refuse_plain(request)
        return HTMLResponse(shown(request, "setup_link.html", link=link), headers=_PRIVATE)
    return _page(request, _Browser(request))


async def enter(request: Request) -> Response:
    form = await read_form(request)
    return await run_in_threadpool(_enter, request, form.get("link", ""))


def _enter(request: Request, link: str) -> Response:
    _refuse_plain(request)
    site, session = site_of(request), secrets.token_urlsafe(32)
    try:
        setting_up.enter(site.app, link, session)
    except BotError as error:
        return _refused(request, "setup_link.html", error, link="")
    response = RedirectResponse(f"{site.app.url}/setup", 303, headers=_PRIVATE)
    keep(response, site, _SESSION, session, setting_up.SESSION_LASTS)
    return response


def _order(request: Request, browser: _Browser, form: Form) -> Response:
    """The page from which the manifest goes to GitHub: to that host, and from that page alone."""
    site = site_of(request)
    del browser
    made = setting_up.order_app(
        site.app,
        form.get("url", ""),
        form.get("organisation", "").strip(),
        form.get("name", "").strip(),
        state=secrets.token_urlsafe(32),
        writes_files="writes_files" in form,
    )
    action = urlsplit(made.order.action)
    policy = PAGE_POLICY.replace("form-action 'self'", f"form-action 'self' {action.scheme}://{action.netloc}")
    html = shown(request, "setup_app.html", order=made.order, host=action.netloc)
    response = HTMLResponse(html, headers={**_PRIVATE, "Content-Security-Policy": policy})
    keep(response, site, _FLOW, made.flow, setting_up.SESSION_LASTS)
    return response


def done(request: Request) -> Response:
    """GitHub sends the browser here with a code. One attempt, whatever becomes of it."""
    site, asked, browser = site_of(request), request.query_params, _Browser(request)
    try:
        setting_up.take_app(
            site.app,
            flow=flow_of(request, _FLOW),
            state=asked.get("state", ""),
            code=asked.get("code", ""),
            actor=browser.actor,
        )
    except BotError as error:
        response = _page(request, browser, error)
    else:
        response = _again(request)
    forget(response, site, _FLOW)
    return response


def _app(request: Request, browser: _Browser, form: Form) -> Response:
    setting_up.keep_app(
        site_of(request).app,
        form.get("url", ""),
        form.get("app_id", "").strip(),
        form.get("private_key", "").strip(),
        form.get("webhook_secret", "").strip(),
        _client(form),
        actor=browser.actor,
    )
    return _again(request)


def _gitlab(request: Request, browser: _Browser, form: Form) -> Response:
    token = form.get("token", "").strip()
    setting_up.keep_gitlab(site_of(request).app, form.get("url", ""), token, _client(form), actor=browser.actor)
    return _again(request)


def _leave(request: Request, browser: _Browser, _: Form) -> Response:
    site = site_of(request)
    setting_up.leave(site.app, browser.session)
    response = RedirectResponse(f"{site.app.url}/", 303)
    forget(response, site, _SESSION)
    return response


def _client(form: Form) -> tuple[str, str]:
    return form.get("client_id", "").strip(), form.get("client_secret", "").strip()


def _form_of(act: Callable[[Request, _Browser, Form], Response]) -> Callable[[Request], Awaitable[Response]]:
    """An endpoint for a form of the set-up's page; what goes wrong is said there."""

    def do(request: Request, form: Form) -> Response:
        browser = _Browser(request)
        check_form(request, browser.session, form.get("key", ""))
        try:
            return act(request, browser, form)
        except BotError as error:
            return _page(request, browser, error, form)

    async def endpoint(request: Request) -> Response:
        return await run_in_threadpool(do, request, await read_form(request))

    return endpoint


order = _form_of(_order)
app = _form_of(_app)
gitlab = _form_of(_gitlab)
leave = _form_of(_leave)


def _again(request: Request) -> Response:
    return RedirectResponse(f"{site_of(request).app.url}/setup", 303, headers=_PRIVATE)


def _page(request: Request, browser: _Browser, error: BotError | None = None, form: Form | None = None) -> Response:
    bot = site_of(request).app
    usual = bot.making.usual if bot.making else ""
    facts = {
        "findings": [*examining.examine(bot, _CHECKS), *setting_up.look_around(bot, usual)],
        "form_key": signing_in.form_key(browser.session),
        "typed": {request.url.path.rpartition("/")[2]: {name: form[name][:200] for name in _FIELDS if name in form}}
        if form
        else {},
        "usual": usual,
        "fixed": bot.hosts.fixed if bot.hosts else (),
        "app_pages": bot.hosts.app_pages if bot.hosts else (),
    }
    if error:
        return _refused(request, "setup.html", error, **facts)
    return HTMLResponse(shown(request, "setup.html", trouble="", **facts), headers=_PRIVATE)


def _refused(request: Request, template: str, error: BotError, **facts: object) -> Response:
    log.info("setup.refused", error=error.code, reason=str(error))
    html = shown(request, template, trouble=str(error), **facts)
    return HTMLResponse(html, 503 if isinstance(error, Unavailable) else 400, headers=_PRIVATE)


def _refuse_plain(request: Request) -> None:
    """What is typed here are keys: by https, or without a network at all. Raises: Forbidden."""
    if request.url.scheme != "https" and request.url.hostname not in LOOPBACK:
        raise Forbidden("set-up works over https only; a proxy that ends it must be among ASSAY_TRUSTED_PROXIES")

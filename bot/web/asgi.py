"""The web application: every route, every layer around them, every answer to an error, in one place."""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any, Final

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.routing import Mount, Route, WebSocketRoute
from starlette.staticfiles import StaticFiles
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from bot.app.context import App
from bot.domain.errors import BotError, InvalidSuiteFile
from bot.ports.store import UnitOfWork
from bot.web import (
    api,
    artifacts,
    buttons,
    catalog,
    channels,
    comparison,
    docs,
    errors,
    feeds,
    first_file,
    live,
    notices,
    oauth,
    operating,
    operators,
    orders,
    overviews,
    pages,
    registration,
    repositories,
    repository_settings,
    resources,
    results,
    secrets,
    setup,
    signin,
    token_pages,
    tokens,
    webhooks,
)
from bot.web.bodies import SmallBodies
from bot.web.frame import Frame
from bot.web.health import Watch, routes_of
from bot.web.inbox import Inbox
from bot.web.measured import Measured
from bot.web.problems import say_media_type, say_not_modified
from bot.web.site import Places, Site
from bot.web.tags import Tagged
from bot.web.throttle import BURST, Throttle

_PARTS: Final = (
    *(oauth, api, artifacts, results, comparison, orders, resources, catalog),
    *(repositories, secrets, channels, notices, operating, tokens),
)
"""Of the REST API."""
_STREAMS: Final = 256
_SMALL: Final = 64 << 10
"""Bytes of a body for the API at most."""
_STATIC: Final = Path(__file__).parent / "static"


def make_asgi(
    app: App,
    watch: Watch,
    *,
    inbox: Inbox | None = None,
    look: Callable[[], UnitOfWork] | None = None,
    trusted_proxies: Sequence[str] = (),
    body_limit: int = webhooks.MAX_BODY,
    body_seconds: float = webhooks.BODY_SECONDS,
    streams: int = _STREAMS,
    call_burst: float = BURST,
    webhook_rate: float = webhooks.ADDRESS_RATE,
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """Build it.

    `watch` answers who keeps it running. `look` makes units of work for reading alone, if the store has such.
    `trusted_proxies` are the addresses or networks whose
    X-Forwarded-For is believed; `streams` may be open at the same time; so many calls of the API may come at once
    from one token, person or address, and as many for pages from one address (`call_burst`); so many webhook calls a
    second from one address (`webhook_rate`).
    """
    site = Site(
        app=app,
        reader=replace(app, work=look or app.work),
        pages=pages.environment(app),
        body_limit=body_limit,
        body_seconds=body_seconds,
        streams=Places(streams),
        inbox=inbox or Inbox(),
        throttle=Throttle(app.monotonic),
        addresses=Throttle(app.monotonic, webhook_rate, webhook_rate * webhooks.BURST_SECONDS),
        calls=Throttle(app.monotonic, burst=call_burst),
    )
    asgi = Starlette(
        routes=[
            Route("/webhooks/{forge}", webhooks.receive, methods=["POST"]),
            Route("/webhooks/{forge}/{hook}", webhooks.receive, methods=["POST"]),
            *routes_of(watch),
            *_pages(),
            Route("/schema/v1.json", pages.schema),
            Route("/icons/{word}.svg", pages.icon),
            Mount("/static", StaticFiles(directory=_STATIC)),
            WebSocketRoute("/runs/{id}/logs", live.log_socket),
            Mount("", _rest(site)),
        ],
        middleware=[
            Middleware(ProxyHeadersMiddleware, trusted_hosts=list(trusted_proxies)),
            Middleware(Frame, app=app),
        ],
        exception_handlers={BotError: errors.of_bot, HTTPException: errors.of_http},
        lifespan=lifespan,
    )
    # A redirect would be made of the Host header, which anybody can choose (RELIABILITY S025, S027).
    asgi.router.redirect_slashes = False
    asgi.state.site = site
    return asgi


def _pages() -> list[Route]:
    """What people look at, and what other programs poll in their place."""
    routes = [
        Route("/", overviews.home),
        Route("/repos/{forge}/{path:path}/-/flaky", results.flaky),
        Route("/repos/{forge}/{path:path}/-/flaky", results.mute, methods=["POST"]),
        Route("/repos/{forge}/{path:path}/-/test", results.test),
        Route("/cc.xml", feeds.lights),
        Route("/cctray.xml", feeds.lights),
        Route("/repos/{forge}/{path:path}/-/cc.xml", feeds.light),
        Route("/repos/{forge}/{path:path}/-/feed.atom", feeds.atom),
        Route("/repos/{forge}/{path:path}/-/first-suite-file", first_file.show),
        Route("/repos/{forge}/{path:path}/-/first-suite-file", first_file.propose, methods=["POST"]),
        Route("/repos/{forge}/{path:path}/-/settings", repository_settings.show),
        Route("/repos/{forge}/{path:path}/-/settings", repository_settings.press, methods=["POST"]),
        Route("/repos/{forge}/{path:path}", overviews.repository),
        Route("/b/{forge}/{owner}/{name:path}.svg", overviews.badge),
        Route("/b/{forge}/{owner}/{name:path}.json", overviews.badge_facts),
        Route("/b/{build}", pages.build),
        Route("/b/{build}/-/stream", live.build),
        Route("/b/{build}/{suite}", pages.suite),
        Route("/b/{build}/{suite}/log", pages.raw_log),
        Route("/b/{build}/{suite}/tests", results.page),
        Route("/b/{build}/{suite}/compare", comparison.page),
        Route("/b/{build}/{suite}/stream", live.suite),
        Route("/b/{build}/-/press", buttons.press, methods=["POST"]),
        Route("/sign-in", signin.choose),
        Route("/sign-in/{forge}", signin.begin),
        Route("/sign-in/{forge}/done", signin.done),
        Route("/sign-out", signin.leave, methods=["POST"]),
        Route("/setup", setup.page),
        Route("/setup/enter", setup.enter, methods=["POST"]),
        Route("/setup/github", setup.order, methods=["POST"]),
        Route("/setup/github/done", setup.done),
        Route("/setup/app", setup.app, methods=["POST"]),
        Route("/setup/gitlab", setup.gitlab, methods=["POST"]),
        Route("/setup/leave", setup.leave, methods=["POST"]),
        Route("/approvals", operators.approvals),
        Route("/admin/work", operators.work),
        Route("/admin/repositories", registration.repositories),
        Route("/admin/repositories", registration.add, methods=["POST"]),
        Route("/me/tokens", token_pages.show),
        Route("/me/tokens", token_pages.make, methods=["POST"]),
        Route("/me/tokens/revoke", token_pages.revoke, methods=["POST"]),
        Route("/admin/tokens", operators.tokens),
        Route("/admin/tokens", operators.make_token, methods=["POST"]),
        Route("/admin/tokens/revoke", operators.revoke_token, methods=["POST"]),
        Route("/admin/notices", operators.notices),
        Route("/admin/notices/again", operators.send_again, methods=["POST"]),
        Route("/audit", pages.audit),
    ]
    for route in routes:
        route.app = Measured(route.app)
    return routes


def _rest(site: Site) -> FastAPI:
    rest = FastAPI(
        title="Assay",
        description="Builds, runs and their logs.",
        version="1",
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=lambda route: route.name,
    )
    rest.add_exception_handler(BotError, errors.of_bot)
    rest.add_exception_handler(InvalidSuiteFile, errors.of_suite_file)
    rest.add_exception_handler(HTTPException, errors.of_http)
    rest.add_exception_handler(Exception, errors.of_bug)
    rest.add_exception_handler(RequestValidationError, errors.of_validation)
    for part in _PARTS:
        rest.include_router(part.router)
    rest.add_route("/docs", docs.show, include_in_schema=False)
    rest.add_middleware(Tagged)
    rest.add_middleware(SmallBodies, limit=_SMALL, seconds=site.body_seconds)
    rest.openapi = _document(rest)  # type: ignore[method-assign]  # the way that FastAPI describes
    rest.state.site = site
    return rest


def _document(rest: FastAPI) -> Callable[[], dict[str, Any]]:
    made = rest.openapi

    @cache
    def document() -> dict[str, Any]:
        return say_not_modified(say_media_type(made()))

    return document

"""For those who keep it running: /healthz, /readyz, /metrics."""

import hmac
import ipaddress
from collections.abc import Callable
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response

from bot.domain.errors import Unavailable
from bot.web.site import Site, site_of

_TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


async def healthz(_: Request) -> Response:
    """The process lives; asks nothing of anybody, not even a thread."""
    return PlainTextResponse("ok\n")


def readyz(request: Request) -> Response:
    """Requests can be served; `degraded` names what doesn't work all the same."""
    site = site_of(request)
    if reason := site.ready() or _of_store(site):
        return JSONResponse({"status": "not_ready", "reason": reason}, 503)
    if reason := _of(site.degraded):
        return JSONResponse({"status": "ready", "degraded": reason})
    return JSONResponse({"status": "ready"})


def _of_store(site: Site) -> str | None:
    try:
        with site.reader.work():
            return None
    except Unavailable as error:
        return str(error)


def _of(check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except Unavailable as error:
        return str(error)


def metrics(request: Request) -> Response:
    """For the holder of the token; without one set, for the machine itself."""
    site = site_of(request)
    if site.metrics_token is not None:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, b"Bearer " + site.metrics_token.encode()):
            return JSONResponse({"error": "unauthorized"}, 401, headers={"WWW-Authenticate": "Bearer"})
    elif not _is_local(request):
        return JSONResponse({"error": "not_allowed"}, 403)
    return Response(site.metrics(), headers={"Content-Type": _TEXT_FORMAT})


def _is_local(request: Request) -> bool:
    """Not what a proxy on this machine passes on for others."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False

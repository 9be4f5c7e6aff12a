"""For those who keep it running: /healthz, /readyz, /metrics."""

import hmac
import ipaddress
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Final

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from bot.domain.errors import Unavailable
from bot.ports.store import UnitOfWork

_TEXT_FORMAT: Final = "text/plain; version=0.0.4; charset=utf-8"
_FORWARDED: Final = ("forwarded", "x-forwarded-for", "x-real-ip", "via")


def _healthy() -> str | None:
    return None


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    metrics: Callable[[], bytes]
    """The text for /metrics."""
    metrics_token: str | None = field(default=None, repr=False)
    """Whoever has it may read them; without one, the machine itself."""
    work: Callable[[], UnitOfWork]
    """For reading alone."""
    ready: Callable[[], str | None] = _healthy
    """Why nothing can be served, or None."""
    degraded: Callable[[], str | None] = _healthy
    """What doesn't work although requests can be served, or None."""


def routes_of(watch: Watch) -> list[Route]:
    return [
        Route("/healthz", _healthz),
        Route("/readyz", partial(_readyz, watch)),
        Route("/metrics", partial(_metrics, watch)),
    ]


async def _healthz(_: Request) -> Response:
    """The process lives; asks nothing of anybody, not even a thread."""
    return PlainTextResponse("ok\n")


def _readyz(watch: Watch, _: Request) -> Response:
    """Requests can be served; `degraded` names what doesn't work all the same."""
    if reason := watch.ready() or _of_store(watch):
        return JSONResponse({"status": "not_ready", "reason": reason}, 503)
    if reason := _of(watch.degraded):
        return JSONResponse({"status": "ready", "degraded": reason})
    return JSONResponse({"status": "ready"})


def _of_store(watch: Watch) -> str | None:
    try:
        with watch.work():
            return None
    except Unavailable as error:
        return str(error)


def _of(check: Callable[[], str | None]) -> str | None:
    try:
        return check()
    except Unavailable as error:
        return str(error)


def _metrics(watch: Watch, request: Request) -> Response:
    """For the holder of the token; without one set, for the machine itself."""
    if watch.metrics_token is not None:
        given = request.headers.get("authorization", "").encode("latin-1")
        if not hmac.compare_digest(given, b"Bearer " + watch.metrics_token.encode()):
            return JSONResponse({"error": "unauthorized"}, 401, headers={"WWW-Authenticate": "Bearer"})
    elif not _is_local(request):
        return JSONResponse({"error": "not_allowed"}, 403)
    return Response(watch.metrics(), headers={"Content-Type": _TEXT_FORMAT})


def _is_local(request: Request) -> bool:
    """Not what a proxy on this machine passes on for others."""
    if request.client is None or any(name in request.headers for name in _FORWARDED):
        return False
    try:
        return ipaddress.ip_address(request.client.host).is_loopback
    except ValueError:
        return False

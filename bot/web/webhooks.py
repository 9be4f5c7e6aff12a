"""POST /webhooks/{forge}: read the body within its limits, hand it over, answer (DESIGN §5)."""

from time import perf_counter
from typing import Final

import anyio
import structlog
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from bot.app import intake
from bot.app.context import App
from bot.domain.errors import BadSignature, Gone, Refused, StoreBusy, UnsupportedMedia
from bot.domain.refs import ForgeName
from bot.faultpoints import faultpoint
from bot.ports.telemetry import Metric
from bot.web.site import Site, site_of

log = structlog.get_logger()

MAX_BODY: Final = 25 << 20
"""What GitHub sends at most (cases C03)."""
BODY_SECONDS: Final = 10.0
_LINGER: Final = 1.0
"""Seconds in which what is still sent of a refused body is thrown away, so that the sender can read the answer."""
_RETRY: Final = {"Retry-After": "5"}


async def receive(request: Request) -> Response:
    site = site_of(request)
    forge = ForgeName(request.path_params["forge"])
    began = perf_counter()
    try:
        body = await _body(request, site)
    except _Unread as error:
        _count(site.app, forge, "refused")
        return _TurnedAway({"error": error.code, "reason": error.reason}, error.status)
    except ClientDisconnect:
        return Response(status_code=400)
    response = await run_in_threadpool(_answer, site.app, forge, request, body)
    site.app.telemetry.observe(Metric.INTAKE_SECONDS, perf_counter() - began)
    return response


class _Unread(Exception):
    def __init__(self, status: int, code: str, reason: str) -> None:
        super().__init__(reason)
        self.status, self.code, self.reason = status, code, reason


async def _body(request: Request, site: Site) -> bytes:
    """Raises: _Unread as soon as it is too large or too slow; ClientDisconnect."""
    limit = site.body_limit
    too_large = _Unread(413, "too_large", f"the body has more than {limit} bytes")
    announced = request.headers.get("content-length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > limit:
        raise too_large
    chunks, size = [], 0
    try:
        with anyio.fail_after(site.body_seconds):
            async for chunk in request.stream():
                size += len(chunk)
                if size > limit:
                    raise too_large
                chunks.append(chunk)
    except TimeoutError as error:
        raise _Unread(408, "too_slow", f"the body did not come within {site.body_seconds:g} seconds") from error
    return b"".join(chunks)


def _answer(app: App, forge: ForgeName, request: Request, body: bytes) -> Response:
    """Never a 500: what could not be stored must be sent again."""
    try:
        faultpoint("web.after_body")
        answer = intake.accept(app, forge, request.headers, body)
        faultpoint("web.after_commit")
    except Refused as error:
        return _refusal(app, forge, error)
    except StoreBusy as error:
        log.warning("webhook.not_stored", forge=forge, error=str(error))
        return _sorry(app, forge)
    except Exception:
        log.exception("webhook.stumbled", forge=forge)
        return _sorry(app, forge)
    outcome = answer.outcome
    _count(app, forge, outcome.value)
    said = {"status": outcome.value, "reason": answer.reason} if answer.reason else {"status": outcome.value}
    status = 202 if outcome is intake.Outcome.STORED else 200
    return JSONResponse(said, status, background=BackgroundTask(_after_answer))


def _refusal(app: App, forge: ForgeName, error: Refused) -> Response:
    """An unknown forge is answered as a bad signature: neither says what is set up here (RELIABILITY S011)."""
    if isinstance(error, BadSignature | Gone):
        _count(app, forge, "unauthorized")
        return JSONResponse({"error": "unauthorized"}, 401)
    _count(app, forge, "refused")
    log.info("webhook.refused", forge=forge, code=error.code)
    status = 415 if isinstance(error, UnsupportedMedia) else 400
    return JSONResponse({"error": error.code, "reason": str(error)}, status)


def _sorry(app: App, forge: ForgeName) -> Response:
    _count(app, forge, "unavailable")
    return JSONResponse({"error": "unavailable", "reason": "not stored; send it again"}, 503, headers=_RETRY)


def _count(app: App, forge: ForgeName, outcome: str) -> None:
    """The label of a forge that isn't set up would be anybody's to choose."""
    app.telemetry.count(Metric.DELIVERIES, forge=forge if forge in app.forges else "unknown", outcome=outcome)


async def _after_answer() -> None:
    faultpoint("web.after_answer")


class _TurnedAway(JSONResponse):
    """An answer before the body is read; closes the connection.

    Closing at once would reset the connection, and the sender might never see the answer.
    """

    def __init__(self, content: dict[str, str], status: int) -> None:
        super().__init__(content, status, headers={"Connection": "close"})

    async def __call__(self, _: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": self.status_code, "headers": self.raw_headers})
        await send({"type": "http.response.body", "body": self.body, "more_body": True})
        with anyio.move_on_after(_LINGER):
            while (await receive()).get("more_body"):
                pass
        await send({"type": "http.response.body", "body": b""})

"""POST /webhooks/{forge} and …/{hook}: read the body within its limits, hand it over, answer (DESIGN §5)."""

from collections.abc import Callable
from functools import partial
from http import HTTPStatus
from time import perf_counter
from typing import Final

import structlog
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from bot.app import intake
from bot.app.context import App
from bot.domain.errors import BadSignature, Gone, Refused, StoreBusy, UnsupportedMedia
from bot.domain.refs import ForgeName
from bot.faultpoints import faultpoint
from bot.ports.telemetry import Metric, SpanName
from bot.web.bodies import TurnedAway, Unread, read_body
from bot.web.site import Site, site_of
from bot.web.throttle import TooFast, address_key

log = structlog.get_logger()

MAX_BODY: Final = 25 << 20
"""What GitHub sends at most (cases C03)."""
BODY_SECONDS: Final = 10.0
ADDRESS_RATE: Final = 1000.0
"""Calls a second that one address may send for long: more than a forge ever does."""
BURST_SECONDS: Final = 30.0
"""For so long it may save them up."""
_UNPROVEN: Final = 9.0
"""What a call that proves nothing costs beyond the one that every call does."""
_SHORT: Final = 1 << 18
"""A longer body takes so long that nobody should have to wait behind it."""
_RETRY: Final = {"Retry-After": "5"}


async def receive(request: Request) -> Response:
    site = site_of(request)
    forge = ForgeName(request.path_params["forge"])
    began = perf_counter()
    address = address_key(request.client.host if request.client else "")
    try:
        site.addresses.admit(address)
    except TooFast as error:
        _count(site.app, forge, "too_fast")
        reason = {"error": error.code, "reason": "too many calls from this address"}
        return TurnedAway(reason, HTTPStatus.TOO_MANY_REQUESTS, retry_after=error.retry_after)
    with site.app.traces.span(SpanName.WEBHOOK, forge=_known(site.app, forge)) as span:
        response = await _receive(request, site, forge)
        span.tell(status=response.status_code)
    if response.status_code == HTTPStatus.UNAUTHORIZED:
        site.addresses.charge(address, _UNPROVEN)
    site.app.telemetry.observe(Metric.INTAKE_SECONDS, perf_counter() - began)
    return response


async def _receive(request: Request, site: Site, forge: ForgeName) -> Response:
    try:
        body = await read_body(request, site.body_limit, site.body_seconds)
    except Unread as error:
        _count(site.app, forge, "refused")
        return TurnedAway({"error": error.code, "reason": error.reason}, error.status)
    except ClientDisconnect:
        return Response(status_code=400)
    hook = request.path_params.get("hook")
    accept = (
        partial(intake.accept, site.app, forge, request.headers, body)
        if hook is None
        else partial(intake.accept_of_hook, site.app, forge, hook, request.headers, body, site.throttle.admit)
    )
    answer = partial(_answer, site.app, forge, accept)
    return await (site.inbox.do(answer) if len(body) <= _SHORT else run_in_threadpool(answer))


def _answer(app: App, forge: ForgeName, accept: Callable[[], intake.Answer]) -> Response:
    """Never a 500: what could not be stored must be sent again."""
    try:
        faultpoint("web.after_body")
        answer = accept()
        faultpoint("web.after_commit")
    except Refused as error:
        return _refusal(app, forge, error)
    except TooFast as error:
        _count(app, forge, "too_fast")
        reason = {"error": error.code, "reason": "too many calls of this webhook; it will be asked for again"}
        return JSONResponse(reason, 429, headers={"Retry-After": str(error.retry_after)})
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
    app.telemetry.count(Metric.DELIVERIES, forge=_known(app, forge), outcome=outcome)


def _known(app: App, forge: ForgeName) -> str:
    """The label of a forge that isn't set up would be anybody's to choose."""
    return forge if forge in app.forges else "unknown"


async def _after_answer() -> None:
    faultpoint("web.after_answer")

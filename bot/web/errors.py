"""Errors as answers, decided here and nowhere else: JSON for programs, a page for browsers."""

from typing import Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from bot.app.access import Forbidden, Unauthorized
from bot.app.cataloguing import Stale, Taken
from bot.app.requesting import Conflict, NotPossible
from bot.domain.errors import (
    BadInput,
    BadSignature,
    BotError,
    Gone,
    InvalidSuiteFile,
    NotAllowed,
    Refused,
    Unavailable,
)
from bot.web.pages import page_of_error
from bot.web.problems import problem
from bot.web.throttle import TooFast

log = structlog.get_logger()

_STATUS: Final[dict[type[BaseException], int]] = {
    Unauthorized: 401,
    Forbidden: 403,
    Conflict: 409,
    NotPossible: 422,
    Stale: 412,
    Taken: 409,
    BadSignature: 401,
    BadInput: 400,
    NotAllowed: 403,
    Gone: 404,
    Refused: 400,
    Unavailable: 503,
    TooFast: 429,
    BotError: 500,
}
_SPOKEN: Final = (Unauthorized, Forbidden, Conflict, NotPossible, Stale, Taken, TooFast)
"""Their own words are the answer."""
_WORDS: Final = {403: "Not allowed", 404: "Not found", 405: "Not allowed", 503: "Not available now"}
_HEADERS: Final = {401: {"WWW-Authenticate": "Bearer"}, 503: {"Retry-After": "5"}}


def of_bot(request: Request, error: Exception) -> Response:
    """What exists but may not be seen is answered as what does not exist, word for word."""
    assert isinstance(error, BotError)
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    if status >= 500:  # noqa: PLR2004  # our fault or the world's
        log.warning("web.failed", error=error.code, reason=str(error), path=request.url.path)
    response = answer(request, status, error.code, str(error) if isinstance(error, _SPOKEN) else None)
    if isinstance(error, TooFast):
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = answer(request, error.status_code, "not_found" if error.status_code == 404 else "refused")  # noqa: PLR2004  # the one that has its own word
    response.headers.update(error.headers or {})
    return response


def of_bug(request: Request, _: Exception) -> Response:
    """The frame around all of it writes the log."""
    return answer(request, 500, "internal")


def of_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [{"at": [str(part) for part in one["loc"]], "message": one["msg"]} for one in error.errors()]
    return problem(422, "bad_input", "the request is not valid", problems=places)


def of_suite_file(_: Request, error: Exception) -> Response:
    """Of a definition that came with the request; its lines are ours and say nothing."""
    assert isinstance(error, InvalidSuiteFile)
    places = [
        {"at": ["body"], "message": f"{one.message} ({one.code})" + (f"; {one.help}" if one.help else "")}
        for one in error.problems
    ]
    return problem(422, error.code, "the definition is not valid", problems=places)


def answer(request: Request, status: int, code: str, detail: str | None = None) -> Response:
    words = _WORDS.get(status, "This did not work")
    if "text/html" in request.headers.get("accept", ""):
        return page_of_error(request, status, words, detail or "")
    return problem(status, code, detail or words.lower(), headers=_HEADERS.get(status))

"""Errors as answers, decided here and nowhere else: JSON for programs, a page for browsers."""

from typing import Final

import structlog
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from bot.domain.errors import BadInput, BadSignature, BotError, Gone, NotAllowed, Refused, Unavailable
from bot.web.pages import page_of_error

log = structlog.get_logger()

_STATUS: Final[dict[type[BaseException], int]] = {
    BadSignature: 401,
    BadInput: 400,
    NotAllowed: 403,
    Gone: 404,
    Refused: 400,
    Unavailable: 503,
    BotError: 500,
}
_WORDS: Final = {404: "Not found", 405: "Not allowed", 503: "Not available now"}
_RETRY: Final = {"Retry-After": "5"}


def of_bot(request: Request, error: Exception) -> Response:
    """What exists but may not be seen is answered as what does not exist, word for word."""
    assert isinstance(error, BotError)
    status = next(_STATUS[kind] for kind in type(error).__mro__ if kind in _STATUS)
    if status >= 500:  # noqa: PLR2004  # our fault or the world's
        log.warning("web.failed", error=error.code, reason=str(error), path=request.url.path)
    return answer(request, status, error.code)


def of_http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    response = answer(request, error.status_code, "not_found" if error.status_code == 404 else "refused")  # noqa: PLR2004
    response.headers.update(error.headers or {})
    return response


def of_bug(request: Request, _: Exception) -> Response:
    """The frame around all of it writes the log."""
    return answer(request, 500, "internal")


def of_validation(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)
    places = [{"at": [str(part) for part in one["loc"]], "message": one["msg"]} for one in error.errors()]
    return JSONResponse({"error": "bad_input", "reason": "the request is not valid", "problems": places}, 422)


def answer(request: Request, status: int, code: str) -> Response:
    words = _WORDS.get(status, "This did not work")
    if "text/html" in request.headers.get("accept", ""):
        return page_of_error(request, status, words)
    headers = _RETRY if status == 503 else None  # noqa: PLR2004
    return JSONResponse({"error": code, "reason": words.lower()}, status, headers=headers)

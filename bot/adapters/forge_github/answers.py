"""What an answer of GitHub's means: its JSON, or one of our errors (RELIABILITY §6.7)."""

from datetime import datetime
from typing import Any, Final

from gidgethub import HTTPException, sansio

from bot.adapters.forge_github.client import Answer
from bot.domain.errors import (
    Ambiguous,
    BotError,
    ForgeUnavailable,
    Gone,
    NotAllowed,
    RateLimited,
    Refused,
)

UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_TOO_MANY: Final = 429
_SLOW: Final = 408
_CLIENT: Final = 400
_GONE: Final = (404, 410)
_SERVER: Final = 500
_UNCLEAR: Final = (500, 502, 504)
"""After these a write may have happened; 503 is said before anything is done."""
_UNREADABLE: Final = (ValueError, LookupError, TypeError, AttributeError, ArithmeticError, OSError, RecursionError)
"""What gidgethub's decoder lets through for odd bodies, status codes and numbers in headers."""
_DEFAULT_PAUSE: Final = 60.0
_LONGEST_PAUSE: Final = 3600.0


def json_of(answer: Answer, now: datetime, *, once: bool = False) -> tuple[Any, bool]:
    """The decoded body, and whether there is a next page.

    `now` by the server's clock. `once` marks the answer to a write that must not happen twice.

    Raises:
        ForgeUnavailable, RateLimited, Ambiguous, NotAllowed, Gone, Refused.
    """
    if not answer.is_whole:
        raise ForgeUnavailable("the answer is too large")
    try:
        data, _, following = sansio.decipher_response(answer.status, answer.headers, answer.body)
    except HTTPException as error:
        raise _error_of(answer, str(error), now, once=once) from error
    except _UNREADABLE as error:
        raise _garbage(answer.status, once=once) from error
    return data, following is not None


def _garbage(status: int, *, once: bool) -> BotError:
    may_have_happened = status < _CLIENT or status in _UNCLEAR
    kind = Ambiguous if once and may_have_happened else ForgeUnavailable
    return kind(f"an answer with status {status} that can't be read")


def _error_of(answer: Answer, message: str, now: datetime, *, once: bool) -> BotError:
    status, words = answer.status, message[:500] or f"status {answer.status}"
    wait = _pause(answer, message, now)
    if wait is not None:
        return RateLimited(words, retry_after=wait)
    if once and status in _UNCLEAR:
        return Ambiguous(words)
    if status == UNAUTHORIZED:
        return ForgeUnavailable(f"GitHub does not accept our credentials: {words}")
    if status >= _SERVER or status < _CLIENT or status == _SLOW:
        return ForgeUnavailable(words, retry_after=_seconds(answer.headers.get("retry-after")))
    return _refusal(answer, words)


def _refusal(answer: Answer, words: str) -> Refused:
    if answer.status in _GONE:
        return Gone(words)
    if answer.status == _FORBIDDEN:
        needed = answer.headers.get("x-accepted-github-permissions")
        return NotAllowed(f"{words}; needed: {needed[:200]}" if needed else words)
    return Refused(words)


def _pause(answer: Answer, message: str, now: datetime) -> float | None:
    """Seconds to wait when the answer is about a rate limit (FORGES §1.10)."""
    if answer.status not in (_FORBIDDEN, _TOO_MANY):
        return None
    asked = _seconds(answer.headers.get("retry-after"))
    if asked is not None:
        return asked
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = _seconds(answer.headers.get("x-ratelimit-reset"), longest=float("inf"))
        if reset is None:
            return _DEFAULT_PAUSE
        return min(max(reset - now.timestamp(), 1.0), _LONGEST_PAUSE)
    if "rate limit" in message.lower() or answer.status == _TOO_MANY:
        return _DEFAULT_PAUSE
    return None


def _seconds(text: str | None, longest: float = _LONGEST_PAUSE) -> float | None:
    if text is None or not text.isdecimal():
        return None
    return min(float(text[:15]), longest)

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
_LIMITED: Final = (403, 429)
_GONE: Final = (404, 410)
_SERVER: Final = 500
_UNCLEAR: Final = (500, 502, 504)
"""After these a write may have happened; 503 is said before anything is done."""
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
    except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
        raise _garbage(answer.status, once=once) from error
    return data, following is not None


def _garbage(status: int, *, once: bool) -> BotError:
    kind = Ambiguous if once and (status < 300 or status in _UNCLEAR) else ForgeUnavailable  # noqa: PLR2004
    return kind(f"an answer with status {status} that can't be read")


def _error_of(answer: Answer, message: str, now: datetime, *, once: bool) -> BotError:
    words = message[:500] or f"status {answer.status}"
    wait = _pause(answer, message, now)
    match answer.status:
        case status if status in _LIMITED and wait is not None:
            return RateLimited(words, retry_after=wait)
        case status if status == UNAUTHORIZED:
            return ForgeUnavailable(f"GitHub does not accept our credentials: {words}")
        case status if status in _GONE:
            return Gone(words)
        case status if once and status in _UNCLEAR:
            return Ambiguous(words)
        case status if status >= _SERVER:
            return ForgeUnavailable(words, retry_after=_seconds(answer.headers.get("retry-after")))
        case 403:
            needed = answer.headers.get("x-accepted-github-permissions")
            return NotAllowed(f"{words}; needed: {needed[:200]}" if needed else words)
        case _:
            return Refused(words)


def _pause(answer: Answer, message: str, now: datetime) -> float | None:
    """Seconds to wait when the answer is about a rate limit (FORGES §1.10)."""
    asked = _seconds(answer.headers.get("retry-after"))
    if asked is not None:
        return asked
    if answer.headers.get("x-ratelimit-remaining") == "0":
        reset = _seconds(answer.headers.get("x-ratelimit-reset"), longest=float("inf"))
        if reset is None:
            return _DEFAULT_PAUSE
        return min(max(reset - now.timestamp(), 1.0), _LONGEST_PAUSE)
    if "rate limit" in message.lower() or answer.status == 429:  # noqa: PLR2004
        return _DEFAULT_PAUSE
    return None


def _seconds(text: str | None, longest: float = _LONGEST_PAUSE) -> float | None:
    if text is None or not text.isdecimal():
        return None
    return min(float(text[:15]), longest)

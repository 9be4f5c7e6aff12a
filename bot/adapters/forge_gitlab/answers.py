"""What an answer of GitLab's means: its JSON, or one of our errors (FORGES §3.3, §3.6, RELIABILITY §6.7)."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from bot.domain.errors import (
    Ambiguous,
    BotError,
    ForgeUnavailable,
    Gone,
    NotAllowed,
    RateLimited,
    Refused,
)

_NOTHING: Final = 204
_REDIRECTION: Final = range(300, 400)
_UNAUTHORIZED: Final = 401
_FORBIDDEN: Final = 403
_GONE: Final = (404, 410)
_CONFLICT: Final = 409
_TELLING: Final = ("message", "error", "error_description", "scope")
_SLOW: Final = 408
_TOO_MANY: Final = 429
_SERVER: Final = 500
_UNCLEAR: Final = (500, 502, 504)
"""After these a write may have happened; 503 is said before anything is done."""
_DEFAULT_PAUSE: Final = 60.0
_LONGEST_PAUSE: Final = 3600.0


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """Finds names in any letter case."""
    body: bytes
    is_whole: bool

    @property
    def is_good(self) -> bool:
        return 200 <= self.status < 300  # noqa: PLR2004  # success


def json_of(answer: Answer, *, once: bool) -> Any:
    """The body of a good answer. Raises: ForgeUnavailable; Ambiguous: a write (`once`) that may have happened."""
    kind = Ambiguous if once else ForgeUnavailable
    if answer.status == _NOTHING:
        return None
    if not answer.is_whole:
        raise kind("the answer is too large")
    try:
        return json.loads(answer.body)
    except (ValueError, RecursionError) as error:
        raise kind(f"an answer with status {answer.status} that can't be read") from error


def error_of(answer: Answer, now: datetime, *, once: bool) -> BotError:
    """`once` marks the answer to a write that must not happen twice."""
    status, words = answer.status, _words(answer)
    if status == _TOO_MANY:
        return RateLimited(words, retry_after=_pause(answer.headers, now))
    if once and status in _UNCLEAR:
        return Ambiguous(words)
    if status == _UNAUTHORIZED:
        return ForgeUnavailable(f"GitLab does not accept our token: {words}")
    if status in _REDIRECTION:
        return ForgeUnavailable(f"unexpected redirect to {answer.headers.get('location', 'nowhere')[:200]}")
    # 409: another status of the same commit is being written; GitLab has waited ten seconds for it.
    if status >= _SERVER or status < _REDIRECTION.start or status in (_SLOW, _CONFLICT):
        return ForgeUnavailable(words, retry_after=_seconds(answer.headers.get("retry-after")))
    return _refusal(status, words)


def _refusal(status: int, words: str) -> Refused:
    if status in _GONE:
        return Gone(words)
    return NotAllowed(words) if status == _FORBIDDEN else Refused(words)


def _words(answer: Answer) -> str:
    """What it says, on one line: GitLab has `message` or `error`, with text, lists or objects in it."""
    try:
        data = json.loads(answer.body)
    except (ValueError, RecursionError):
        data = {}
    found = [data[key] for key in _TELLING if key in data] if isinstance(data, dict) else []
    texts = [one if isinstance(one, str) else json.dumps(one) for one in found]
    return "; ".join(" ".join(text.split()) for text in texts)[:500] or f"status {answer.status}"


def _pause(headers: Mapping[str, str], now: datetime) -> float:
    """Seconds to wait; limits of the application itself come without any header."""
    asked = _seconds(headers.get("retry-after"))
    if asked is not None:
        return asked
    reset = _seconds(headers.get("ratelimit-reset"), longest=float("inf"))
    return _DEFAULT_PAUSE if reset is None else min(max(reset - now.timestamp(), 1.0), _LONGEST_PAUSE)


def _seconds(text: str | None, longest: float = _LONGEST_PAUSE) -> float | None:
    if text is None or not text.isdecimal() or not text.isascii():
        return None
    return min(float(text[:15]), longest)

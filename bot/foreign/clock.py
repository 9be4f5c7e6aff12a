"""The time as a forge has it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Final

import structlog

from bot.domain.refs import ForgeName

_WORTH_A_WORD: Final = 60

log = structlog.get_logger(__name__)


class ServerClock:
    """Learned from the `Date` of the forge's answers; our own until one came."""

    def __init__(self, forge: ForgeName, now: Callable[[], datetime]) -> None:
        self._forge = forge
        self._now = now
        self._skew = timedelta()
        self._told = False
        self.ahead: float | None = None
        """Seconds, as exact as whole seconds on a wire can be; None: no answer told."""

    def now(self) -> datetime:
        return self._now() + self._skew

    def learn(self, date: str) -> None:
        try:
            theirs = parsedate_to_datetime(date)
        except ValueError:
            return
        if not 2000 <= theirs.year < 2200:  # noqa: PLR2004  # a year that a clock in order can show
            return
        skew = theirs.replace(tzinfo=theirs.tzinfo or UTC) - self._now()
        self.ahead = skew.total_seconds()
        self._skew = skew if abs(skew) > timedelta(seconds=2) else timedelta()
        if abs(skew).total_seconds() > _WORTH_A_WORD and not self._told:
            self._told = True
            log.warning("forge.clock_skew", forge=self._forge, seconds=round(-skew.total_seconds()))

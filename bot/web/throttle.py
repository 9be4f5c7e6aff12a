"""How much of one kind a process takes in a while (RELIABILITY S023)."""

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Final

from bot.domain.errors import BotError

PER_SECOND: Final = 20.0
BURST: Final = 300.0
_KEPT: Final = 10_000
"""Keys that are remembered; one that is forgotten begins anew."""


class TooFast(BotError):
    code = "too_fast"

    def __init__(self, seconds: float) -> None:
        super().__init__("too many at once")
        self.retry_after = max(1, round(seconds + 0.5))


class Throttle:
    """A token bucket for each key."""

    def __init__(self, monotonic: Callable[[], float], per_second: float = PER_SECOND, burst: float = BURST) -> None:
        self._monotonic = monotonic
        self._per_second = per_second
        self._burst = burst
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()
        self._lock = threading.Lock()

    def admit(self, key: str) -> None:
        """Raises: TooFast."""
        with self._lock:
            now = self._monotonic()
            level, at = self._levels.pop(key, (self._burst, now))
            level = min(self._burst, level + (now - at) * self._per_second)
            is_admitted = level >= 1
            self._levels[key] = (level - 1 if is_admitted else level), now
            if len(self._levels) > _KEPT:
                self._levels.popitem(last=False)
        if not is_admitted:
            raise TooFast((1 - level) / self._per_second)

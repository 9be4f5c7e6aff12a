"""How much of one kind a process takes in a while (RELIABILITY S023)."""

import ipaddress
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
        level = self._take(key, 1, least=1)
        if level < 1:
            raise TooFast((1 - level) / self._per_second)

    def charge(self, key: str, cost: float) -> None:
        """What was admitted was worth more than the one that it cost; takes no more than there is."""
        self._take(key, cost, least=0)

    def _take(self, key: str, cost: float, least: float) -> float:
        """Only where there is at least so much; gives what was there."""
        with self._lock:
            now = self._monotonic()
            level, at = self._levels.pop(key, (self._burst, now))
            level = min(self._burst, level + (now - at) * self._per_second)
            self._levels[key] = (max(level - cost, 0) if level >= least else level), now
            if len(self._levels) > _KEPT:
                self._levels.popitem(last=False)
        return level


def address_key(host: str) -> str:
    """Whoever has one IPv6 address has the whole network of it."""
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return "unknown"
    if isinstance(address, ipaddress.IPv4Address):
        return str(address)
    if address.ipv4_mapped:
        return str(address.ipv4_mapped)
    return str(ipaddress.ip_network((address, 64), strict=False))

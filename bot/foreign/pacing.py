"""When a call may be made: a token bucket, a circuit breaker and the pauses that the forge asks for."""

import enum
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Final

from bot.domain.checks import AGGREGATE, Check, CheckStatus
from bot.domain.errors import ForgeUnavailable, RateLimited

BURST: Final = 20
PER_SECOND: Final = 1.0


class Urgency(enum.IntEnum):
    """How many writes a bucket must keep for more urgent ones; below nothing: taken ahead of its time."""

    ASKED = -10
    """Somebody waits for it."""
    ENDED = -5
    """The last state of a check."""
    USUAL = 0
    BEGUN = 4
    """A check that is shown for the first time."""
    PROGRESS = 8
    SUM = 12
    """Progress of the check that sums the others up."""


_LINE: Final = 15.0
"""Seconds that the line of those who wait may be long; some may never come back."""
FAILURES: Final = 5
OPEN_SECONDS: Final = 30.0
_SOON: Final = 2.0
"""Seconds until it is known what became of the call that tries."""

Monotonic = Callable[[], float]


def urgency(check: Check, *, is_new: bool) -> Urgency:
    """When writes are scarce the end comes first and progress last; a later state stands for what was left out."""
    if check.status is CheckStatus.COMPLETED:
        return Urgency.ENDED
    if is_new:
        return Urgency.BEGUN
    return Urgency.SUM if check.name == AGGREGATE else Urgency.PROGRESS


class Bucket:
    """Tokens that come back with time; taking more than there are is refused, never waited for."""

    def __init__(self, monotonic: Monotonic, burst: float = BURST, per_second: float = PER_SECOND) -> None:
        self._monotonic = monotonic
        self._burst = burst
        self._per_second = per_second
        self._level = burst
        self._at = monotonic()
        self._last: dict[float, float] = {}
        """When the last of those who were refused comes back; those who leave as much are one line."""
        self._lock = threading.Lock()

    def take(self, count: int = 1, left: float = 0) -> None:
        """`left`: how much must be left over; below nothing it is a credit.

        Raises:
            RateLimited: with the seconds until there is enough.
        """
        with self._lock:
            now = self._monotonic()
            self._level = min(self._burst, self._level + (now - self._at) * self._per_second)
            self._at = now
            missing = count + left - self._level
            if missing > 0:
                if left > 0:  # it comes back to find out, and keeps nobody else waiting
                    raise RateLimited("writes are kept for more urgent ones", retry_after=missing / self._per_second)
                # One after the other: if all who wait came back at once, all but one would do so in vain.
                free = max(now + missing / self._per_second, self._last.get(left, 0) + count / self._per_second)
                self._last[left] = min(free, now + missing / self._per_second + _LINE)
                raise RateLimited("too many writes at once", retry_after=self._last[left] - now)
            self._level -= count


class Breaker:
    """After failures in a row nothing is asked for a while; then one call tries, and all follow if it succeeds."""

    def __init__(self, monotonic: Monotonic, failures: int = FAILURES, seconds: float = OPEN_SECONDS) -> None:
        self._monotonic = monotonic
        self._allowed = failures
        self._seconds = seconds
        self._failed = 0
        self._until = 0.0
        self._is_tried = False
        self._lock = threading.Lock()

    def enter(self) -> None:
        """Raises: ForgeUnavailable: it is open. Whoever passes must call `succeeded` or `failed`."""
        with self._lock:
            if self._failed < self._allowed:
                return
            now = self._monotonic()
            if now < self._until:
                wait = self._until - now
                wait = min(wait, _SOON) if self._is_tried else wait
                raise ForgeUnavailable("the forge has failed several times in a row", retry_after=wait)
            self._until = now + self._seconds
            self._is_tried = True

    @property
    def is_open(self) -> bool:
        """Until a call succeeds, also while one tries."""
        return self._failed >= self._allowed

    def succeeded(self) -> None:
        with self._lock:
            self._failed = 0
            self._is_tried = False

    def failed(self) -> None:
        with self._lock:
            self._is_tried = False
            self._failed += 1
            if self._failed >= self._allowed:
                self._until = self._monotonic() + self._seconds


class Lane:
    """The calls of one installation: writes one after the other, and none at all while the forge wants a pause."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._bucket = Bucket(monotonic)
        self._writing = threading.Lock()
        self._until = 0.0

    def check(self) -> None:
        """Raises: RateLimited: the forge has asked for a pause that isn't over."""
        wait = self._until - self._monotonic()
        if wait > 0:
            raise RateLimited("the forge has asked for a pause", retry_after=wait)

    def pause(self, seconds: float) -> None:
        self._until = max(self._until, self._monotonic() + seconds)

    def reserve(self, writes: int, urgency: Urgency = Urgency.USUAL) -> None:
        """Raises: RateLimited."""
        self.check()
        self._bucket.take(writes, urgency)

    @contextmanager
    def writing(self) -> Iterator[None]:
        with self._writing:
            self.check()
            yield


class Lanes:
    """One lane for each installation."""

    def __init__(self, monotonic: Monotonic) -> None:
        self._monotonic = monotonic
        self._lanes: dict[int, Lane] = {}
        self._lock = threading.Lock()

    def of(self, installation: int) -> Lane:
        with self._lock:
            if installation not in self._lanes:
                self._lanes[installation] = Lane(self._monotonic)
            return self._lanes[installation]

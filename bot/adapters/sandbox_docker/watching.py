"""Seeing a running container to its end: who says that it ended, and how we end it."""

import contextlib
import threading
import time
from collections.abc import Callable, Mapping
from typing import Any, Final, Self

from docker.errors import NotFound

from bot.adapters.sandbox_docker.engine import ENGINE_ERRORS, Engine, words_of
from bot.adapters.sandbox_docker.profile import Usage
from bot.domain.errors import SandboxUnavailable
from bot.ports.sandbox import Stop

AT_ONCE: Final = frozenset({Stop.LOG_LIMIT, Stop.DISK_LIMIT, Stop.LEASE_LOST})
"""Reasons that leave no time to clean up."""

ENDED: Final = ("exited", "dead")
"""What the engine calls a container that has run and does not any more."""

_WAIT: Final = 5
"""Seconds of one call to wait; its end without an answer is the rule."""
_PAUSE: Final = 0.5


class EndWatch(threading.Thread):
    """Learns from the engine that a container has ended, whatever the engine goes through meanwhile.

    `wait` only tells when to look: it also returns when the connection breaks. What counts is the state.
    """

    def __init__(self, engine: Engine, container: str, patience: float) -> None:
        """`patience`: seconds that the engine may be out of reach."""
        super().__init__(name="sandbox-end", daemon=True)
        self._engine, self._container, self._patience = engine, container, patience
        self._closed = False
        self._heard = time.monotonic()
        self._state: Mapping[str, Any] = {}
        self._error: SandboxUnavailable | None = None
        self.over = threading.Event()
        """It ended, or nobody will ever know."""

    @property
    def state(self) -> Mapping[str, Any]:
        """The engine's last word, once it is over.

        Raises:
            SandboxUnavailable: the engine was out of reach for too long, or the container is gone.
        """
        if self._error:
            raise self._error
        return self._state

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True

    def run(self) -> None:
        while not self._closed:
            with contextlib.suppress(*ENGINE_ERRORS):
                self._engine.client().wait(self._container, timeout=_WAIT)
            if self._ended():
                break
        self.over.set()

    def _ended(self) -> bool:
        try:
            self._state = self._engine.client().inspect_container(self._container)["State"]
        except NotFound:
            self._error = SandboxUnavailable("the container was removed while it ran")
        except ENGINE_ERRORS as error:
            if time.monotonic() - self._heard > self._patience:
                self._error = SandboxUnavailable(f"the engine is out of reach: {words_of(error)}")
            time.sleep(_PAUSE)
        else:
            self._heard = time.monotonic()
            return self._state["Status"] in ENDED
        return self._error is not None


class AskingSignal:
    """Asks before the first signal what the job has used by then: one that is killed tells nobody."""

    def __init__(self, signal: Callable[[str], bool], ask: Callable[[], Usage]) -> None:
        self._signal, self._ask = signal, ask
        self._asked = False
        self.usage = Usage()

    def __call__(self, signal: str) -> bool:
        if not self._asked:
            self._asked, self.usage = True, self._ask()
        return self._signal(signal)


class Stopper:
    """Ends the container when there is a reason: TERM, and KILL after the grace time."""

    def __init__(self, signal: Callable[[str], bool], grace: float, patience: float) -> None:
        """`signal` sends one to the container; False when it does not run any more.

        `patience`: seconds after the first KILL until it is given up.
        """
        self._signal, self._grace, self._patience = signal, grace, patience
        self._next = 0.0
        self._give_up = float("inf")
        self._hard = False
        self.reason: Stop | None = None
        """Ours; it beats the exit code."""

    @property
    def leaves(self) -> bool:
        """We shall end, and the container goes on."""
        return self.reason is Stop.SHUTDOWN

    @property
    def is_futile(self) -> bool:
        return time.monotonic() > self._give_up

    def step(self, reason: Stop | None) -> None:
        """Called often, with the present reason."""
        now = time.monotonic()
        if self.reason is None and reason is Stop.SHUTDOWN:
            self.reason = reason
        elif self.reason is None and reason not in AT_ONCE:
            if reason and self._signal("SIGTERM"):
                self.reason, self._next = reason, now + self._grace
        elif now >= self._next or (reason in AT_ONCE and not self._hard):
            self.reason = self.reason or reason
            self._kill(now)

    def _kill(self, now: float) -> None:
        if not self._hard:
            self._hard, self._give_up = True, now + self._patience
        self._next = now + _PAUSE
        self._signal("SIGKILL")

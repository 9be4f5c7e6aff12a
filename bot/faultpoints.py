"""Places where tests stop, kill or fail the process (RELIABILITY §10). Off unless `arm` was called."""

import os
import signal
import time
from collections.abc import Callable, Mapping
from typing import Final

POINTS: Final = (
    "web.after_body",
    "web.after_commit",
    "web.after_answer",
    "worker.after_hint",
    "worker.after_claim",
    "sandbox.after_create",
    "sandbox.after_start",
    "worker.while_running",
    "worker.after_exit",
    "worker.after_verdict",
    "reporter.after_publish",
    "reporter.after_sent",
    "janitor.while_removing",
    "worker.in_parser",
    "logs.after_pack",
    "caches.before_publish",
)
"""Every place, so that a test can list them."""

_armed: dict[str, str] = {}


def arm(spec: str) -> None:
    """`point=action` pairs joined by commas: kill, stop, raise, sleep:SECONDS; once, or with ! behind it always."""
    for pair in filter(None, spec.split(",")):
        name, _, action = pair.strip().partition("=")
        if name not in POINTS:
            raise ValueError(f"no such fault point: {name}")
        _armed[name] = action


def faultpoint(name: str) -> None:
    if _armed and (action := _armed.get(name)):
        if not action.endswith("!"):
            del _armed[name]
        kind, _, argument = action.rstrip("!").partition(":")
        _ACTIONS[kind](argument)


def _sleep(seconds: str) -> None:
    time.sleep(float(seconds or 1))


def _raise(text: str) -> None:
    raise RuntimeError(text or "fault point")


def _signal(number: signal.Signals) -> Callable[[str], None]:
    return lambda _: os.kill(os.getpid(), number)


_ACTIONS: Final[Mapping[str, Callable[[str], None]]] = {
    "kill": _signal(signal.SIGKILL),
    "stop": _signal(signal.SIGSTOP),
    "raise": _raise,
    "sleep": _sleep,
}

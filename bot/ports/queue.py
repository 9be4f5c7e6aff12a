"""Hints about work. They carry ids, may be lost or doubled at any time, and nothing may depend on them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from bot.domain.findings import Finding
from bot.domain.runs import RunId


@dataclass(frozen=True, slots=True)
class _Hint:
    trace: str = field(default="", kw_only=True, compare=False)
    """The span in which it was sent, as a `traceparent`; what it is about has one of its own in the store."""


@dataclass(frozen=True, slots=True)
class HandleDelivery(_Hint):
    delivery: int


@dataclass(frozen=True, slots=True)
class ExecuteRun(_Hint):
    run: RunId


@dataclass(frozen=True, slots=True)
class SendReport(_Hint):
    report: int


@dataclass(frozen=True, slots=True)
class SendNotice(_Hint):
    notice: int


Task = HandleDelivery | ExecuteRun | SendReport | SendNotice
Perform = Callable[[Task], None]


class TaskQueue(Protocol):
    def send(self, task: Task, *, delay: float = 0) -> None:
        """Never raises for a queue that is out of reach; `delay` in seconds."""


class WorkQueue(TaskQueue, Protocol):
    def start(self, perform: Perform) -> None:
        """Perform hints from now on, those that were sent before too."""

    def stop(self, kind: type[Task], timeout: float) -> bool:
        """Take no more of that kind and wait for what is being done; False if it is still going on then."""

    def trouble(self) -> str | None:
        """Why hints do not go through now."""

    def advice(self) -> Sequence[Finding]:
        """What its operator should know; nothing when it can't be asked."""

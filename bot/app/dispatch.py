"""Which use case performs which task."""

import threading

import structlog

from bot.app import execution, handling, notifying, reporting
from bot.app.context import App
from bot.domain.errors import Unavailable
from bot.ports.queue import ExecuteRun, HandleDelivery, SendNotice, SendReport, Task

log = structlog.get_logger()


def perform(app: App, task: Task, shutdown: threading.Event) -> None:
    """Perform one task. What it raises is the queue's to log: the sweep sends the hint again."""
    with structlog.contextvars.bound_contextvars(task=type(task).__name__):
        try:
            _perform(app, task, shutdown)
        except Unavailable as error:
            log.warning("task.left_for_later", error=str(error))


def _perform(app: App, task: Task, shutdown: threading.Event) -> None:
    match task:
        case HandleDelivery():
            handling.handle(app, task)
        case ExecuteRun():
            execution.execute(app, task, shutdown)
        case SendReport():
            reporting.send(app, task)
        case SendNotice():
            notifying.send(app, task)

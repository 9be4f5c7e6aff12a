"""Which use case performs which task."""

import threading

import structlog

from bot.app import execution, handling, notifying, reporting
from bot.app.context import App
from bot.ports.queue import ExecuteRun, HandleDelivery, SendNotice, SendReport, Task


def perform(app: App, task: Task, shutdown: threading.Event) -> None:
    """Perform one task. What it raises is the queue's to log: the sweep sends the hint again."""
    with structlog.contextvars.bound_contextvars(task=type(task).__name__):
        match task:
            case HandleDelivery():
                handling.handle(app, task)
            case ExecuteRun():
                execution.execute(app, task, shutdown)
            case SendReport():
                reporting.send(app, task)
            case SendNotice():
                notifying.send(app, task)

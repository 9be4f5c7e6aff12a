"""What is true at the moment at which somebody looks: how much waits, and what does not work."""

from collections.abc import Callable, Mapping

from bot.app.context import App
from bot.domain.errors import Unavailable
from bot.ports.figures import Figures
from bot.ports.telemetry import Metric, Telemetry

Trouble = Callable[[], str | None]


def measure(app: App, parts: Mapping[str, Trouble], disk: Callable[[], tuple[int, int]]) -> None:
    """`parts`: why each does not work, or None; `disk`: free and all bytes. Never raises what one of them does."""
    telemetry = app.telemetry
    for part, trouble in {"store": lambda: _show_figures(app), **parts}.items():
        telemetry.show(Metric.READY, 0 if _troubled(trouble) else 1, part=part)
    free, size = disk()
    telemetry.show(Metric.DISK_FREE, free)
    telemetry.show(Metric.DISK_SIZE, size)


def _troubled(trouble: Trouble) -> bool:
    try:
        return trouble() is not None
    except Unavailable:
        return True


def _show_figures(app: App) -> None:
    with app.work() as work:
        figures = work.figures.now()
    for state, count in figures.runs.items():
        app.telemetry.show(Metric.QUEUE_RUNS, count, state=state.value)
    _show_waiting(app.telemetry, figures)


def _show_waiting(telemetry: Telemetry, figures: Figures) -> None:
    telemetry.show(Metric.QUEUE_RUNS, figures.blocked, state="blocked")
    telemetry.show(Metric.QUEUE_OLDEST, figures.oldest_run)
    telemetry.show(Metric.INBOX_DELIVERIES, figures.deliveries)
    telemetry.show(Metric.INBOX_OLDEST, figures.oldest_delivery)
    telemetry.show(Metric.OUTBOX_REPORTS, figures.reports)
    telemetry.show(Metric.OUTBOX_LAG, figures.oldest_report)

"""What whoever watches a process can ask it."""

import shutil
from collections.abc import Mapping

from bot.adapters.telemetry_prometheus import PrometheusTelemetry
from bot.app import measuring
from bot.app.context import App
from bot.app.measuring import Trouble
from bot.settings import Settings
from bot.web.health import Watch


def watch_of(reader: App, settings: Settings, parts: Mapping[str, Trouble], telemetry: PrometheusTelemetry) -> Watch:
    """`reader`: with transactions that only read; `parts`: why each does not work, or None."""

    def disk() -> tuple[int, int]:
        usage = shutil.disk_usage(settings.data_dir)
        return usage.free, usage.total

    def metrics() -> bytes:
        measuring.measure(reader, parts, disk)
        return telemetry.render()

    token = settings.metrics_token
    return Watch(
        metrics=metrics,
        metrics_token=token.get_secret_value() if token else None,
        work=reader.work,
        degraded=lambda: next(filter(None, (trouble() for trouble in parts.values())), None),
    )

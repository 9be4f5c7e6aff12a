"""How many calls a forge allows, as its answers tell (GitHub: x-ratelimit-…, GitLab: ratelimit-…)."""

from collections.abc import Mapping

from bot.domain.refs import ForgeName
from bot.ports.telemetry import Metric, Telemetry


def tell_limits(telemetry: Telemetry, forge: ForgeName, headers: Mapping[str, str], prefix: str = "") -> None:
    """Without effect where an answer says nothing of them, or nothing that is a number."""
    for metric, name in ((Metric.FORGE_LEFT, "remaining"), (Metric.FORGE_LIMIT, "limit")):
        text = headers.get(f"{prefix}ratelimit-{name}", "")
        if text.isascii() and text.isdecimal():
            telemetry.show(metric, float(text[:18]), forge=forge)

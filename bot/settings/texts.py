"""What a setting's text stands for, and what OpenTelemetry's own variables say."""

import os


def place_of(text: str) -> tuple[str, int]:
    host, _, port = text.rpartition(":")
    return host.strip("[]"), int(port)


def words_of(value: str) -> list[str]:
    return [part for part in (part.strip() for part in value.split(",")) if part]


def traces_endpoint() -> str:
    """As OpenTelemetry says it: the address of traces alone, or one below which they have their place."""
    if os.environ.get("OTEL_SDK_DISABLED", "").lower() == "true" or os.environ.get("OTEL_TRACES_EXPORTER") == "none":
        return ""
    own, all_signals = (os.environ.get(f"OTEL_EXPORTER_OTLP_{name}ENDPOINT", "") for name in ("TRACES_", ""))
    return own or (f"{all_signals.rstrip('/')}/v1/traces" if all_signals else "")

"""How this process logs: JSON lines, or for people on a terminal."""

import logging
import sys
from typing import Final

import structlog

from bot.settings import Settings

_LONGEST: Final = 8000
"""Characters of one text; of a longer one, such as a traceback, both ends tell most."""


def configure_logs(settings: Settings) -> None:
    """To standard error; libraries that use `logging` end in the same place."""
    is_console = settings.log_format == "console" or (settings.log_format is None and sys.stderr.isatty())
    render = structlog.dev.ConsoleRenderer() if is_console else structlog.processors.JSONRenderer()
    shared: list[structlog.typing.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.format_exc_info,
        _cut,
    ]
    level = logging.getLevelNamesMapping()[settings.log_level.upper()]
    structlog.configure(
        processors=[*shared, render],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(processor=render, foreign_pre_chain=shared))
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[handler], force=True)


def _cut(_logger: object, _method: str, line: structlog.typing.EventDict) -> structlog.typing.EventDict:
    for name, value in line.items():
        if isinstance(value, str) and len(value) > _LONGEST:
            line[name] = f"{value[: _LONGEST // 2]} … {value[-_LONGEST // 2 :]}"
    return line

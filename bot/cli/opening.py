"""The bot for a command on the server; what goes wrong is one line for each fault and a status."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import click

from bot.app.context import App
from bot.bootstrap import build
from bot.bootstrap.process import Bot, Role
from bot.cli.logs import configure_logs
from bot.cli.reading import end_with, read_settings
from bot.domain.errors import BotError, Unavailable
from bot.settings import BadSettings, Settings


def built(settings: Settings, role: Role = Role.ALL) -> Bot:
    """Some settings are understood only by what they are for."""
    try:
        return build(settings, role)
    except BadSettings as error:
        end_with(error)


def serving(settings: Settings, role: Role = Role.ALL) -> Bot:
    """For a process that takes up work."""
    try:
        bot = built(settings, role)
    except BotError as error:
        click.echo(f"assay: it can't start: {error}", err=True)
        sys.exit(3)
    if bot.hindrance:
        end_with(BadSettings(bot.hindrance))
    return bot


@contextmanager
def open_app() -> Iterator[App]:
    """The use cases' context, given back afterwards."""
    settings = read_settings()
    configure_logs(settings)
    try:
        bot = built(settings)
        try:
            yield bot.app
        finally:
            bot.app.traces.close()
            bot.engine.dispose()
    except BotError as error:
        click.echo(f"assay: {error}", err=True)
        sys.exit(3 if isinstance(error, Unavailable) else 4)

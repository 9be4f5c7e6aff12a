"""Settings for a command, or one line for each fault and exit status 2."""

import sys
from typing import Final, NoReturn

import click

from bot import settings

BAD_SETTINGS: Final = 2


def read_shared_settings() -> settings.Settings:
    """For a process that is one of several."""
    read = read_settings()
    if read.redis is None:
        click.echo("assay: ASSAY_REDIS_URL: processes of their own need a Redis to send each other hints", err=True)
        sys.exit(BAD_SETTINGS)
    return read


def read_settings() -> settings.Settings:
    try:
        return settings.read()
    except settings.BadSettings as error:
        end_with(error)


def end_with(error: settings.BadSettings) -> NoReturn:
    for line in str(error).split("\n"):
        click.echo(f"assay: {line}", err=True)
    sys.exit(BAD_SETTINGS)

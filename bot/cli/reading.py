"""Settings for a command, or one line for each fault and exit status 2."""

import sys

import click

from bot import settings


def read_settings() -> settings.Settings:
    try:
        return settings.read()
    except settings.BadSettings as error:
        for line in str(error).split("\n"):
            click.echo(f"assay: {line}", err=True)
        sys.exit(2)

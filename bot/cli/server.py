"""`assay serve`: web, workers and upkeep in one process, or without workers; SIGTERM ends it in good order."""

import secrets
import signal
import socket
import sys
from collections.abc import Callable
from typing import Any

import click
import structlog
import uvicorn

from bot.app import setting_up
from bot.app.context import App
from bot.bootstrap.process import Bot, Role
from bot.cli.logs import configure_logs
from bot.cli.opening import serving
from bot.cli.reading import read_settings, read_shared_settings
from bot.domain.errors import BotError
from bot.settings import unknown_names

log = structlog.get_logger()

_LAST_ANSWERS = 5
"""Seconds that open requests get when the process ends; live logs would keep it for ever."""
_HEARD = 4096
"""Bytes of one message of a websocket's client: nobody has to say anything there."""


@click.command()
@click.option("--no-workers", is_flag=True, help="Run no suites here; needs no Docker, but ASSAY_REDIS_URL.")
def serve(no_workers: bool) -> None:
    """Run the server: web, workers and upkeep in one process."""
    settings = read_shared_settings() if no_workers else read_settings()
    configure_logs(settings)
    for warning in unknown_names():
        log.warning("settings.unknown", warning=warning)
    bot = serving(settings, Role.WEB if no_workers else Role.ALL)
    server = _Server(config_of(bot.asgi, *settings.address), bot)
    # uvicorn hands the signal on when its work is done: who asked for the end shall see that it went well.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    server.run()
    if not server.started:
        sys.exit(3)


def config_of(asgi: Callable[..., Any], host: str, port: int) -> uvicorn.Config:
    """With bounds for strangers: how many, and how much each of them may say at once."""
    return uvicorn.Config(
        asgi,
        host=host,
        port=port,
        log_config=None,
        access_log=False,
        server_header=False,
        proxy_headers=False,
        timeout_graceful_shutdown=_LAST_ANSWERS,
        limit_concurrency=1000,
        h11_max_incomplete_event_size=64 * 1024,
        ws_max_size=_HEARD,
        ws_max_queue=1,
    )


def _offer_setup(app: App) -> None:
    """While there is no forge, whoever reads what the server says may set one up."""
    try:
        if not setting_up.is_wanted(app):
            setting_up.end_link(app)
            return
        link = setting_up.make_link(app, secrets.token_urlsafe(32), actor="start of the server")
    except BotError as error:
        log.warning("serve.no_setup_link", error=str(error))
    else:
        click.echo(f"assay: no forge is set up yet. Open this in a browser, it works once:\n\n    {link}\n", err=True)


class _Server(uvicorn.Server):
    """Work begins once the port is ours, and ends after the last answer."""

    def __init__(self, config: uvicorn.Config, bot: Bot) -> None:
        super().__init__(config)
        self._bot = bot

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            self._bot.start()
            _offer_setup(self._bot.app)
            log.info("serve.started", url=self._bot.app.url, role=self._bot.role.name.lower())

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        await super().shutdown(sockets)
        log.info("serve.stopping")
        self._bot.stop()
        log.info("serve.stopped")

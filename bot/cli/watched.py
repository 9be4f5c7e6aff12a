"""A worker's own small server, for those who watch it."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import structlog
import uvicorn

from bot.bootstrap.process import Bot

log = structlog.get_logger()


@contextlib.contextmanager
def watched(bot: Bot, address: tuple[str, int] | None) -> Iterator[None]:
    """Without an address, or where it is taken, the work goes on unwatched."""
    listening = _listening(address) if address else None
    if listening is None:
        yield
        return
    with listening:
        server = uvicorn.Server(
            uvicorn.Config(bot.asgi, log_config=None, access_log=False, server_header=False, limit_concurrency=50)
        )
        thread = threading.Thread(target=server.run, args=([listening],), name="watched", daemon=True)
        thread.start()
        try:
            yield
        finally:
            server.should_exit = True
            thread.join(5.0)


def _listening(address: tuple[str, int]) -> socket.socket | None:
    try:
        family = socket.AF_INET6 if ":" in address[0] else socket.AF_INET
        return socket.create_server(address, family=family)
    except OSError as error:
        log.warning("worker.not_watched", error=error.strerror or str(error))
        return None

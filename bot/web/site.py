"""What the endpoints share, and how they reach it."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from jinja2 import Environment
from starlette.requests import HTTPConnection

from bot.app.context import App


class Places:
    """Counts the live streams that are open, which hold memory and poll the store."""

    def __init__(self, limit: int) -> None:
        self._free = limit

    @property
    def full(self) -> bool:
        return self._free <= 0

    @contextmanager
    def taken(self) -> Iterator[None]:
        self._free -= 1
        try:
            yield
        finally:
            self._free += 1


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    app: App
    pages: Environment
    metrics: Callable[[], bytes]
    metrics_token: str | None
    ready: Callable[[], str | None]
    """Why requests can't be served, or None."""
    degraded: Callable[[], str | None]
    """What doesn't work although requests can be served, or None."""
    body_limit: int
    body_seconds: float
    streams: Places


def site_of(connection: HTTPConnection) -> Site:
    site: Site = connection.app.state.site
    return site


def app_of(connection: HTTPConnection) -> App:
    return site_of(connection).app

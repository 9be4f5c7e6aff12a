"""What the endpoints share, and how they reach it."""

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from jinja2 import Environment
from starlette.requests import HTTPConnection

from bot.app.context import App
from bot.domain.errors import Gone
from bot.domain.runs import BuildId, RunId
from bot.web.inbox import Inbox
from bot.web.throttle import Throttle

_NUMBER: Final = re.compile(r"[0-9]{1,18}", re.ASCII)
_RUN: Final = re.compile(r"[0-9A-Za-z_-]{1,64}", re.ASCII)


class Places:
    """Counts the live streams that are open, which hold memory and poll the store; no address has more than half."""

    def __init__(self, limit: int) -> None:
        self.free = limit
        self.each = (limit + 1) // 2
        self.held: Counter[str] = Counter()
        """By address."""

    def of(self, address: str) -> "Share":
        return Share(self, address)


@dataclass(frozen=True, slots=True)
class Share:
    """The places for one address."""

    places: Places
    address: str

    @property
    def full(self) -> bool:
        return self.places.free <= 0 or self.places.held[self.address] >= self.places.each

    @contextmanager
    def taken(self) -> Iterator[None]:
        self._take(1)
        try:
            yield
        finally:
            self._take(-1)

    def _take(self, count: int) -> None:
        self.places.free -= count
        self.places.held[self.address] += count
        if not self.places.held[self.address]:
            del self.places.held[self.address]


@dataclass(frozen=True, slots=True, kw_only=True)
class Site:
    app: App
    reader: App
    """The same with transactions that only read and keep nobody waiting."""
    pages: Environment
    body_limit: int
    body_seconds: float
    streams: Places
    inbox: Inbox
    throttle: Throttle
    """Of the calls of each repository's webhook."""
    addresses: Throttle
    """Of the webhook calls from each address, before anything else is done for them."""
    calls: Throttle
    """Of the API's calls of each token, person or address."""


def site_of(connection: HTTPConnection) -> Site:
    site: Site = connection.app.state.site
    return site


def rendered(site: Site, template: str, **facts: object) -> str:
    return site.pages.get_template(template).render(app=site.app, **facts)


def build_of(connection: HTTPConnection) -> BuildId:
    """Raises: Gone, for what can be no build's number."""
    text = connection.path_params["build"]
    if not _NUMBER.fullmatch(text):
        raise Gone("there is no such build")
    return BuildId(int(text))


def cell_of(connection: HTTPConnection) -> RunId | None:
    """Which run of a suite with several cells a page is about; None: the page decides.

    Raises: Gone, for what can be no run's id.
    """
    text = connection.query_params.get("run")
    if text is not None and not _RUN.fullmatch(text):
        raise Gone("there is no such run")
    return None if text is None else RunId(text)


def run_of(connection: HTTPConnection) -> RunId:
    """Raises: Gone, for what can be no run's id."""
    text = connection.path_params["id"]
    if not _RUN.fullmatch(text):
        raise Gone("there is no such run")
    return RunId(text)

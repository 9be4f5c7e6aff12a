"""Who follows a log while it grows: a program at the websocket, a page at the stream of its suite."""

import contextlib
import re
from collections.abc import Iterator

import httpx
from websockets.exceptions import ConnectionClosed
from websockets.sync.client import connect

from tests.faults.server import Serve

_PATIENCE = 60.0


class Program:
    """Comes back to the next byte."""

    def __init__(self) -> None:
        self.heard = b""

    def listen(self, at: Serve, run: str) -> None:
        """To the end of the log or of the connection."""
        address = at.url.replace("http", "ws", 1)
        with (
            contextlib.suppress(ConnectionClosed),
            connect(f"{address}/runs/{run}/logs?start={len(self.heard)}", proxy=None) as socket,
        ):
            while True:
                piece = socket.recv(_PATIENCE)
                assert isinstance(piece, bytes)
                self.heard += piece


class Page:
    """Comes back with the id of the last event, as browsers do."""

    def __init__(self) -> None:
        self.lines: list[tuple[int, str]] = []
        """Number and text of each, as it came."""
        self.word = ""
        """How the run ended."""
        self._last = ""

    def listen(self, at: Serve, build: int) -> None:
        """To the end of the stream or of the connection."""
        with (
            contextlib.suppress(httpx.TransportError),
            httpx.stream(
                "GET",
                f"{at.url}/b/{build}/unit/stream",
                headers={"Last-Event-ID": self._last} if self._last else {},
                timeout=_PATIENCE,
                trust_env=False,
            ) as answer,
        ):
            assert answer.is_success
            for event in _events(answer.iter_lines()):
                self._hear(**event)

    def _hear(self, event: str = "", data: str = "", id: str = "") -> None:  # noqa: A002  # the protocol's word
        self._last = id or self._last
        if event == "lines":
            found = re.findall(r'data-n="(\d+)"[^>]*></a>(.*)', data)
            self.lines += [(int(number), text) for number, text in found]
        if event == "end":
            self.word = data


def _events(lines: Iterator[str]) -> Iterator[dict[str, str]]:
    """Server-sent events, as HTML's standard has them."""
    event: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        if not line:
            yield event
            event = {}
        elif name:
            value = value.removeprefix(" ")
            event[name] = f"{event[name]}\n{value}" if name in event else value

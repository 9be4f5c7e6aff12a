"""Whether our own address answers, and what else may be there."""

import http.server
import socket
import threading
from collections.abc import Iterator
from contextlib import closing

import pytest

from bot.adapters.reach_http import hindrance


class Site(http.server.BaseHTTPRequestHandler):
    """Assay below /fine, a page of somebody else's below /other, one that leads away below /moved."""

    def do_GET(self) -> None:
        status, body = {"/fine/healthz": (200, b"ok\n"), "/moved/healthz": (302, b"")}.get(
            self.path, (200, b"<html>")
        )
        self.send_response(status)
        if status == 302:
            self.send_header("Location", "/fine/healthz")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class names it so
        """Into nowhere."""


@pytest.fixture
def url() -> Iterator[str]:
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Site) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def test_a_server_of_ours_is_reached(url: str) -> None:
    assert hindrance(f"{url}/fine") == ""


@pytest.mark.parametrize(
    ("path", "words"),
    [("other", "something else answers, with 200"), ("moved", "something else answers, with 302")],
)
def test_what_is_not_ours_is_told(url: str, path: str, words: str) -> None:
    assert hindrance(f"{url}/{path}") == words


def test_where_nobody_listens_is_told() -> None:
    with closing(socket.create_server(("127.0.0.1", 0))) as unused:
        port = unused.getsockname()[1]

    assert "refused" in hindrance(f"http://127.0.0.1:{port}")


def test_a_name_without_an_address_is_told() -> None:
    assert hindrance("https://ci.invalid").startswith("ci.invalid has no address: ")

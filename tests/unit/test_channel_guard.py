"""No channel reaches into the operator's own network (RELIABILITY S086 to S088)."""

import base64
import contextlib
import socket
import threading
from datetime import UTC, datetime
from typing import Final

import pytest
from pydantic import SecretStr

from bot.adapters.channel_http import guard
from bot.bootstrap import channels
from bot.domain.errors import Refused, Unavailable
from bot.settings import Settings
from tests.sims.web_service import web_service

INSIDE = [
    "127.0.0.1",
    "127.1",
    "0x7f000001",
    "2130706433",
    "[::1]",
    "[::ffff:127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2001:0:7f00:1::]",
    "0.0.0.0",
    "100.64.0.1",
    "10.1.2.3",
    "192.168.0.1",
    "172.16.0.1",
    "169.254.169.254",
    "[fe80::1]",
    "[fd00::1]",
    "[ff02::1]",
    "224.0.0.1",
    "localhost",
    "localhost.",
]


@pytest.mark.parametrize("host", INSIDE)
def test_a_host_inside_is_refused(host: str) -> None:
    with pytest.raises((Refused, Unavailable)) as caught:
        guard.call("POST", f"https://{host}/", {}, b"", local=False)
    assert isinstance(caught.value, Refused) or "resolved" in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "http://example.org/",
        "file:///etc/passwd",
        "gopher://example.org/",
        "https://user:pass@example.org/",
        "https://example.org:22/",
        "https://example.org:99999/",
        "https://127.0.0.1\\@example.org/",
        "https://ex\u0430mple.org/",
        "https://example.org/\r\nHost: x",
        "https://",
        "https://[::1",
        "//example.org",
        "",
    ],
)
def test_an_address_that_means_something_else_is_refused(url: str) -> None:
    with pytest.raises(Refused):
        guard.target(url, local=False)


class Names:
    """What a name resolves to, answer by answer."""

    def __init__(self, *answers: list[str]) -> None:
        self.answers = list(answers)

    def __call__(self, _host: str, port: int, **_: object) -> list[tuple[object, object, object, object, object]]:
        addresses = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        return [(0, 0, 0, "", (one, port)) for one in addresses]


def test_one_private_address_among_public_ones_is_enough_to_refuse(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(socket, "getaddrinfo", Names(["93.184.215.14", "10.0.0.1"]))
    with pytest.raises(Refused, match="private network"):
        guard.pinned("example.org", 443, local=False)


def test_the_address_that_was_looked_at_is_the_one_that_is_called(monkeypatch: pytest.MonkeyPatch) -> None:
    """A second answer, to another address, is never asked for."""
    with web_service() as good, web_service() as evil:
        names = Names(["127.0.0.1"], ["127.0.0.2"])
        monkeypatch.setattr(guard, "socket", _Resolver(names))
        url = good.url.replace("127.0.0.1", "example.org")
        guard.call("POST", url, {}, b"hello", local=True)
        assert [one.headers["Host"] for one in good.asked] == [url.removeprefix("http://")]
        assert evil.asked == []
        assert len(names.answers) == 1


class _Resolver:
    """The module `socket` for the guard alone."""

    SOCK_STREAM = socket.SOCK_STREAM

    def __init__(self, names: Names) -> None:
        self.getaddrinfo = names


def test_a_name_that_nobody_knows_is_for_later() -> None:
    with pytest.raises(Unavailable, match="resolved"):
        guard.pinned("no-such-host.invalid", 443, local=False)


class _Dripping(threading.Thread):
    """A server that sends a byte of its answer's head now and then, for as long as somebody listens."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/"
        self.left = threading.Event()

    def run(self) -> None:
        with self._listening, self._listening.accept()[0] as connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\nX-Long: ")
            while not self.left.wait(0.01):
                connection.sendall(b"x")
        self.left.set()


def test_who_never_ends_the_head_of_an_answer_is_left_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(guard, "_TOTAL", 0.2)
    service = _Dripping()
    service.start()
    try:
        with pytest.raises(Unavailable, match="did not answer"):
            guard.call("POST", service.url, {}, b"hello", local=True)
        assert service.left.wait(10)
    finally:
        service.left.set()
        service.join()


def test_a_certificate_of_nobody_is_never_good_enough() -> None:
    """A plain server at the other end: TLS fails, and nothing is said in clear instead."""
    with web_service() as service, pytest.raises(Unavailable):
        guard.call("POST", service.url.replace("http:", "https:"), {}, b"secret", local=True)
    assert service.asked == []


SECRET: Final = "whsec_" + base64.b64encode(b"k" * 32).decode()


@pytest.mark.parametrize("host", INSIDE)
@pytest.mark.parametrize(
    "address", ["slack+https://{}/x", "matrix+https://key@{}/!room:example.org", f"webhook+https://{{}}/x#{SECRET}"]
)
def test_no_channel_of_a_repository_leads_inside(host: str, address: str) -> None:
    with pytest.raises((Refused, Unavailable)):
        channels.of_repository(Settings(), now, address.format(host))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "json://hooks.example.org",
        "slack+http://hooks.example.org/x",
        "slack+https://[/x",
        "webhook+https://hooks.example.org/x",
        "mailto:",
        "mailto:a@b.example,c",
        "mailto:a@b.example\nBcc: c@d.example",
        "mailto:" + ",".join(["a@b.example"] * 6),
        "mailto:(;-)=<@b.example",
        "mailto:(a-).@:[b.example",
        "mailto:<a@b.example>",
    ],
)
def test_what_can_be_no_channel_of_a_repository_is_refused(address: str) -> None:
    mail = Settings(smtp_url=SecretStr("smtp://localhost"), mail_from="ci@example.org")
    with pytest.raises(Refused):
        channels.of_repository(mail, now, address)


def now() -> datetime:
    return datetime(2026, 1, 1, tzinfo=UTC)

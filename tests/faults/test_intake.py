"""Webhook calls over real sockets to a real process: limits, slowness, nonsense (RELIABILITY S015 to S021)."""

import hashlib
import hmac
import json
import select
import socket
import uuid
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any, Final

import httpx
import pytest

from bot.demo.forge.hooks import wait_until
from tests.demoforge import pretend_github
from tests.faults.server import Serve
from tests.ports import free_port

pytestmark = pytest.mark.timeout(60)

LIMIT: Final = 25 << 20
IN_BUFFERS: Final = 16 << 20
"""Bytes that the kernel's sockets and the server's parser may hold on the way."""
ZEROS: Final = "0" * 40
FIELDS: Final = ("ref", "before", "after", "deleted", "forced", "commits", "head_commit", "repository", "sender")
HEAD: Final = (
    b"POST /webhooks/github HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
    b"X-GitHub-Event: push\r\nX-GitHub-Delivery: 1\r\n"
)


class Receiver:
    """A process without an engine, and what is needed to speak to it."""

    def __init__(self, serve: Serve, secret: str, push: dict[str, Any]) -> None:
        self.serve = serve
        self.push = push
        """A whole payload."""
        self._secret = secret.encode()

    def send(self, **changes: object) -> httpx.Response:
        """A push with other values in some fields; `...` leaves one out."""
        whole = {**self.push, **changes}
        return self.post(json.dumps({name: value for name, value in whole.items() if value is not ...}).encode())

    def post(self, body: bytes, event: str = "push") -> httpx.Response:
        headers = {
            "Content-Type": "application/json",
            "X-GitHub-Event": event,
            "X-GitHub-Delivery": str(uuid.uuid4()),
            "X-GitHub-Hook-ID": "5",
            "X-Hub-Signature-256": f"sha256={hmac.new(self._secret, body, hashlib.sha256).hexdigest()}",
        }
        return httpx.post(
            f"{self.serve.url}/webhooks/github", content=body, headers=headers, timeout=30, trust_env=False
        )

    def connect(self) -> socket.socket:
        port = int(self.serve.url.rpartition(":")[2])
        return socket.create_connection(("127.0.0.1", port), timeout=20)

    @property
    def peak(self) -> int:
        """Bytes of memory that the process has had at most."""
        status = Path(f"/proc/{self.serve.pid}/status").read_text()
        return 1024 * int(status.partition("VmHWM:")[2].split()[0])


@pytest.fixture(scope="module")
def receiver(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Receiver]:
    folder = tmp_path_factory.mktemp("receiver")
    with pretend_github() as github:
        github.commit(github.add_repository("acme/web", {"a.txt": "a"}), "main", {"a.txt": "b"})
        github.hooks.settle()
        serve = Serve(folder, github, free_port())
        serve.start(DOCKER_HOST=f"unix://{folder}/nothing.sock", BODY_DEADLINE="1")
        try:
            push = next(each.payload for each in github.hooks.sent if each.event == "push")
            yield Receiver(serve, github.app.webhook_secret, push)
        finally:
            serve.kill()


def answered(connection: socket.socket) -> tuple[int, bytes]:
    """The status, and everything until the connection was closed."""
    said = b""
    while piece := connection.recv(65536):
        said += piece
    return int(said.split(maxsplit=2)[1]), said


def test_a_body_that_says_it_is_too_large_is_refused_before_it_is_sent(receiver: Receiver) -> None:
    with closing(receiver.connect()) as connection:
        connection.sendall(HEAD + b"Content-Length: %d\r\n\r\n" % (LIMIT + 1))
        status, said = answered(connection)
    assert (status, b"too_large" in said) == (413, True)


def test_an_endless_body_is_refused_at_the_limit_and_is_not_kept(receiver: Receiver) -> None:
    before = receiver.peak
    with closing(receiver.connect()) as connection:
        connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
        sent = sent_until_answered(connection, b"10000\r\n" + b"x" * 65536 + b"\r\n")
        status, _ = answered(connection)
    assert status == 413
    assert sent < LIMIT + IN_BUFFERS
    assert receiver.peak - before < LIMIT + IN_BUFFERS


def sent_until_answered(connection: socket.socket, chunk: bytes) -> int:
    """How many bytes were taken before there was an answer."""
    sent = 0
    while not select.select([connection], [], [], 0)[0]:
        connection.sendall(chunk)
        sent += len(chunk)
    return sent


def test_a_body_that_drips_is_given_up(receiver: Receiver) -> None:
    with closing(receiver.connect()) as connection:
        connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        status, said = answered(connection)
    assert (status, b"too_slow" in said) == (408, True)


def test_many_drips_keep_no_proper_call_out(receiver: Receiver) -> None:
    waiting = [receiver.connect() for _ in range(300)]
    try:
        for connection in waiting:
            connection.sendall(HEAD + b"Content-Length: 1000\r\n\r\n{")
        assert receiver.send().status_code == 202
    finally:
        for connection in waiting:
            connection.close()


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'"text"',
        b"null",
        b"{" * 100_000,
        b"[" * 100_000,
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"id": ' + b"9" * 5_000 + b"}",
        b'{"id": NaN}',
        b'{"id": 1e400}',
        b'{"a": 1, "a": 2}',
        b'{"a": "\\ud800"}',
        b'{"a": "\xff"}',
    ],
    ids=range(13),
)
def test_what_is_no_payload_is_refused_and_not_logged(receiver: Receiver, body: bytes) -> None:
    answer = receiver.post(body)
    assert answer.status_code == 400
    assert b"9999999999" not in receiver.serve.output.encode()
    assert receiver.serve.readiness == 200


@pytest.mark.parametrize("field", FIELDS)
@pytest.mark.parametrize("junk", [..., None, -1, [], {}, "x" * 100_000, 10**30, {"id": -1}, True], ids=range(9))
def test_a_payload_with_a_broken_or_missing_field_breaks_nothing(
    receiver: Receiver, field: str, junk: object
) -> None:
    assert receiver.send(**{field: junk}).status_code in (200, 202, 400)


@pytest.mark.parametrize("after", ["1" * 39, "1" * 41, "A" * 40, "g" * 40, "", "--upload-pack=x", "1" * 63])
def test_a_head_that_is_no_commit_id_is_ignored_with_its_reason(receiver: Receiver, after: str) -> None:
    answer = receiver.send(after=after, head_commit={**receiver.push["head_commit"], "id": after})
    assert (answer.status_code, answer.json()["status"]) == (200, "ignored")
    assert answer.json()["reason"]


def test_what_was_sent_to_it_made_no_build_and_no_stumble(receiver: Receiver) -> None:
    assert receiver.send(after=ZEROS, deleted=True, head_commit=None).status_code == 202
    wait_until(lambda: "branch deleted" in receiver.serve.output, 20, "the deletion was not handled")
    assert receiver.serve.get("/builds").json()["builds"] == []
    assert "Traceback" not in receiver.serve.output

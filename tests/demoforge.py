"""The pretend GitHub on loopback for tests, a client that calls it as the App, and a receiver of its webhooks."""

import functools
import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import httpx
import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

from bot.demo.forge.app import PERMISSIONS
from bot.demo.forge.github import PretendGitHub
from bot.demo.forge.keys import new_key, pem_of
from bot.demo.forge.state import Repo

HEADERS: Final = {"Accept": "application/vnd.github+json", "X-GitHub-Api-Version": "2022-11-28"}


@functools.cache
def shared_key() -> RSAPrivateKey:
    """One for all tests: making one takes long."""
    return new_key()


def private_key() -> str:
    return pem_of(shared_key())


@contextmanager
def pretend_github(
    webhook_url: str = "http://127.0.0.1:9/", permissions: Mapping[str, str] = PERMISSIONS
) -> Iterator[PretendGitHub]:
    """A started forge; webhooks go nowhere unless an address is given."""
    github = PretendGitHub(webhook_url=webhook_url, permissions=permissions, key=shared_key())
    github.start()
    try:
        yield github
    finally:
        github.stop()


class AppClient:
    """Calls the forge with the App's own token, or with an installation's."""

    def __init__(self, github: PretendGitHub) -> None:
        self._github = github
        self._http = httpx.Client(base_url=f"{github.url}/api/v3", headers=HEADERS, trust_env=False)

    def close(self) -> None:
        self._http.close()

    def app_token(self, **claims: object) -> str:
        now = int(self._github.world.now())
        wanted = {"iat": now - 60, "exp": now + 300, "iss": str(self._github.app.id), **claims}
        return jwt.encode(wanted, self._github.app.key, "RS256")

    def token(self, repo: Repo, **narrowed: object) -> str:
        """A new installation token for the repository's owner."""
        installation = next(each for each in self._github.world.installations if each.account is repo.owner)
        answer = self.call(
            "POST", f"/app/installations/{installation.id}/access_tokens", self.app_token(), narrowed or None
        )
        return str(answer.raise_for_status().json()["token"])

    def call(
        self, method: str, path: str, token: str, body: object = None, headers: Mapping[str, str] | None = None
    ) -> httpx.Response:
        given = {"Authorization": f"Bearer {token}", **(headers or {})}
        return self._http.request(method, path, json=body, headers=given)


@dataclass
class Heard:
    """One webhook call as it came in."""

    headers: dict[str, str]
    body: bytes

    @property
    def event(self) -> str:
        return self.headers["X-GitHub-Event"]

    @property
    def payload(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.body)
        return found

    @property
    def what(self) -> str:
        """`push`, `pull_request.opened`."""
        return ".".join(filter(None, (self.event, self.payload.get("action"))))


@dataclass
class Receiver:
    """Answers every webhook with `status` after `delay` seconds."""

    url: str = ""
    heard: list[Heard] = field(default_factory=list)
    status: int = HTTPStatus.ACCEPTED
    delay: float = 0.0

    @property
    def events(self) -> list[str]:
        return [each.what for each in self.heard]

    def last(self, what: str) -> dict[str, Any]:
        """The payload of the newest call of that kind."""
        return [each.payload for each in self.heard if each.what == what][-1]


@contextmanager
def webhook_receiver() -> Iterator[Receiver]:
    receiver = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            time.sleep(receiver.delay)
            receiver.heard.append(Heard(dict(self.headers), body))
            self.send_response(receiver.status)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    receiver.url = f"http://127.0.0.1:{server.server_port}/webhooks/github"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield receiver
    finally:
        server.shutdown()
        server.server_close()
        thread.join()

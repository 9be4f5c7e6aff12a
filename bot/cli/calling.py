"""Calls of a server's API from somebody's own machine: which server, with what token, and what refusals come to."""

import re
import shlex
import subprocess
import tomllib
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import click
import httpx

from bot.cli.workplace import fail
from bot.settings import client

WRONG, BROKEN, DENIED = 2, 3, 4
_STATUS: Final = dict.fromkeys((401, 403, 404), DENIED) | dict.fromkeys((429, 500, 502, 503, 504), BROKEN)
"""Exit statuses of HTTP's refusals; all others are wrong use."""
_LOOPBACK: Final = frozenset({"localhost", "127.0.0.1", "::1"})
_PATIENCE: Final = 90.0
"""Longer than any answer is held back."""
_CONTROLS: Final = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f-\x9f]")


def hosts_file() -> Path:
    return client.config_folder() / "assay" / "hosts.toml"


def plain(text: str) -> str:
    """Without what would steer a terminal: names and logs are other people's."""
    return _CONTROLS.sub("", text)


def git(*args: str) -> str:
    """What git answers here, or nothing."""
    try:
        done = subprocess.run(["git", *args], capture_output=True, text=True, check=False)  # noqa: S603, S607  # the user's own git
    except OSError:
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def server_here() -> str:
    """ASSAY_SERVER, else git's setting `assay.server`, else the only one that we are signed in to."""
    found = client.server() or git("config", "--get", "assay.server")
    known = list(read_hosts()) if not found else []
    found = found or (known[0] if len(known) == 1 else "")
    if not found:
        fail("no server: set ASSAY_SERVER, or `git config assay.server URL`", WRONG)
    return checked(found)


def is_server_named() -> bool:
    """Is there one that `server_here` would choose."""
    return bool(client.server() or git("config", "--get", "assay.server") or len(read_hosts()) == 1)


def checked(server: str) -> str:
    """An address without a slash at its end; a token must not go over the wire for all to read."""
    try:
        parts = urlsplit(server)
        is_safe = parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)
    except ValueError:
        is_safe = False
    if not is_safe:
        fail(f"{plain(server)} is no https address (http is for this machine only)", WRONG)
    return server.rstrip("/")


def read_hosts() -> dict[str, dict[str, str]]:
    path = hosts_file()
    try:
        if path.stat().st_mode & 0o077:
            fail(f"{path} can be read by others: chmod 600 {path}", DENIED)
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        fail(f"{path}: {error}", WRONG)


def token_for(server: str) -> str | None:
    if token := client.token():
        return token
    known = read_hosts().get(server, {})
    if command := known.get("token_command"):
        try:
            done = subprocess.run(shlex.split(command), stdout=subprocess.PIPE, text=True, check=True)  # noqa: S603  # the user's own
        except (OSError, ValueError, subprocess.CalledProcessError) as error:
            fail(f"token_command of {server}: {error}", DENIED)
        return done.stdout.strip()
    return known.get("token")


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    token: str | None = field(repr=False)

    def get(self, path: str, **query: object) -> Any:  # noqa: ANN401  # JSON of the API
        return self.call("GET", path, query=query).json()

    def post(self, path: str, body: object = None) -> Any:  # noqa: ANN401  # as above
        return self.call("POST", path, body=body).json()

    def call(
        self, method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None
    ) -> httpx.Response:
        """Ends the command, with the server's words, where the answer is a refusal."""
        answer = self._ask(method, path, query=query, body=body)
        if not answer.is_success:
            fail(f"{plain(_words(answer))} ({answer.status_code})", _STATUS.get(answer.status_code, WRONG))
        return answer

    def _ask(
        self, method: str, path: str, *, query: Mapping[str, object] | None = None, body: object = None
    ) -> httpx.Response:
        params = {name: str(value) for name, value in (query or {}).items() if value not in (None, "")}
        headers = {"Authorization": f"Bearer {self.token}"} if self.token else {}
        content = {} if body is None else {"json": body}
        try:
            return httpx.request(
                method,
                f"{self.url}{path}",
                params=params or None,
                headers=headers,
                timeout=_PATIENCE,
                **content,  # type: ignore[arg-type]  # `json` alone
            )
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            fail(f"{self.url} does not answer: {error}", BROKEN)


def _words(answer: httpx.Response) -> str:
    try:
        return str(answer.json()["detail"])
    except (ValueError, KeyError, TypeError):
        return answer.reason_phrase


def server() -> Server:
    url = server_here()
    return Server(url, token_for(url))


@contextmanager
def interruptible() -> Iterator[None]:
    """Ctrl-C ends what only looks, with the status that shells know."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo(err=True)
        raise SystemExit(130) from None

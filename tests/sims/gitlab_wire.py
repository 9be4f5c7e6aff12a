"""The way from a session of requests to the pretend GitLab without a network: it can be broken, and counts."""

import io
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.utils import formatdate
from typing import Final
from urllib.parse import parse_qsl, urlsplit

import requests
from requests.adapters import BaseAdapter
from urllib3 import HTTPResponse

from bot.demo.gitlab.api import answer
from bot.demo.gitlab.gitlab import PretendGitLab
from tests.sims.github_wire import Clock

_DATE: Final = formatdate(Clock().time(), usegmt=True)
"""That of a clock that nobody has moved."""

Answer = Callable[[requests.PreparedRequest], requests.Response]


@dataclass(frozen=True)
class Reply:
    """An answer that is given whatever is asked."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...] = ()

    def __call__(self, request: requests.PreparedRequest) -> requests.Response:
        return response(request, self.status, self.content, dict(self.headers))

    def __str__(self) -> str:
        return f"{self.status} {self.content[:60]!r} {' '.join(value for _, value in self.headers)}"


@dataclass(frozen=True)
class Broken:
    """No answer at all."""

    error: type[requests.RequestException]

    def __call__(self, request: requests.PreparedRequest) -> requests.Response:
        raise self.error("broken", request=request)

    def __str__(self) -> str:
        return self.error.__name__


def saying(status: int, content: bytes, **headers: str) -> Reply:
    """Underscores in names of headers become dashes."""
    return Reply(status, content, tuple((name.replace("_", "-"), value) for name, value in headers.items()))


def answering(status: int, message: object = "no", **headers: str) -> Reply:
    return saying(status, json.dumps({"message": message}).encode(), **headers)


def response(
    request: requests.PreparedRequest, status: int, content: bytes, headers: Mapping[str, str]
) -> requests.Response:
    made = requests.Response()
    made.status_code = status
    made.headers.update({"Date": _DATE, **headers})
    made.raw = HTTPResponse(io.BytesIO(content), headers=dict(headers), status=status, preload_content=False)
    made.url = request.url or ""
    made.request = request
    return made


class Wire(BaseAdapter):
    def __init__(self, gitlab: PretendGitLab) -> None:
        super().__init__()
        self._gitlab = gitlab
        self.asked: list[requests.PreparedRequest] = []
        self.timeouts: list[object] = []
        self.instead: list[Answer | None] = []
        """Answers to the next requests in order; None: the right one."""
        self.lose = 0
        """So many next writes happen, but their answers get lost."""

    def calls(self, method: str, ending: str) -> int:
        return sum(one.method == method and urlsplit(one.url or "").path.endswith(ending) for one in self.asked)

    def send(self, request: requests.PreparedRequest, **kwargs: object) -> requests.Response:  # type: ignore[override]  # the adapter's options are not looked at
        self.asked.append(request)
        self.timeouts.append(kwargs.get("timeout"))
        give = (self.instead.pop(0) if self.instead else None) or self._pass_on
        found = give(request)
        if self.lose and request.method != "GET":
            self.lose -= 1
            raise requests.ReadTimeout("lost", request=request)
        return found

    def close(self) -> None:
        """Nothing is open."""

    def _pass_on(self, request: requests.PreparedRequest) -> requests.Response:
        parts = urlsplit(request.url or "")
        api = f"{urlsplit(self._gitlab.url).path}/api/v4"
        assert parts.path.startswith(api), parts.path
        if request.headers.get("Authorization") != f"Bearer {self._gitlab.token}":
            return response(request, 401, b'{"message": "401 Unauthorized"}', {"content-type": "application/json"})
        query = dict(parse_qsl(parts.query))
        body = json.loads(request.body) if request.body else {}
        path = parts.path.removeprefix(api)
        status, data = answer(self._gitlab, str(request.method), path, query, body)
        if isinstance(data, bytes):
            return response(request, status, data, {"content-type": "text/plain"})
        return response(request, status, json.dumps(data).encode(), {"content-type": "application/json"})

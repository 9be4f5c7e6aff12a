"""The way from an httpx client to the pretend GitHub without a network: it can be broken, and counts what passes."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import formatdate

import httpx

from bot.demo.forge.calls import Call
from bot.demo.forge.github import PretendGitHub

Answer = Callable[[httpx.Request], httpx.Response]


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def time(self) -> float:
        return self.now().timestamp()

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass(frozen=True)
class Reply:
    """An answer that is given whatever is asked."""

    status: int
    content: bytes
    headers: tuple[tuple[str, str], ...]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        return httpx.Response(self.status, content=self.content, headers=list(self.headers))

    def __str__(self) -> str:
        return f"{self.status} {self.content[:60]!r} {' '.join(value for _, value in self.headers)}"


@dataclass(frozen=True)
class Broken:
    """No answer at all."""

    error: type[httpx.RequestError]

    def __call__(self, request: httpx.Request) -> httpx.Response:
        raise self.error("broken", request=request)

    def __str__(self) -> str:
        return self.error.__name__


def saying(status: int, content: bytes, kind: str = "application/json", **headers: str) -> Reply:
    """Underscores in names of headers become dashes."""
    named = tuple((name.replace("_", "-"), value) for name, value in headers.items())
    return Reply(status, content, (("content-type", kind), *named))


def answering(status: int, message: str = "no", **headers: str) -> Reply:
    return saying(status, json.dumps({"message": message}).encode(), **headers)


class Wire(httpx.BaseTransport):
    def __init__(self, github: PretendGitHub) -> None:
        self._github = github
        self.asked: list[httpx.Request] = []
        self.instead: list[Answer | None] = []
        """Answers to the next requests in order; None: the right one."""
        self.lose = 0
        """So many next writes happen, but their answers get lost."""

    def client(self) -> httpx.Client:
        return httpx.Client(transport=self)

    def calls(self, method: str, ending: str) -> int:
        return sum(one.method == method and one.url.path.endswith(ending) for one in self.asked)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = (self.instead.pop(0) if self.instead else None) or self._pass_on
        response = answer(request)
        response.headers.setdefault("date", formatdate(self._github.world.now(), usegmt=True))
        if self.lose and request.method != "GET" and "/app/" not in request.url.path:
            self.lose -= 1
            raise httpx.ReadTimeout("lost", request=request)
        return response

    def _pass_on(self, request: httpx.Request) -> httpx.Response:
        target = request.url.raw_path.decode()
        call = Call.at(self._github.url, request.method, target, request.headers, request.content)
        answer = self._github.door.handle(call)
        return httpx.Response(answer.status_code, headers=answer.raw_headers, content=bytes(answer.body))

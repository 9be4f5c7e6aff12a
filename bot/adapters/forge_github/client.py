"""One HTTP call to GitHub's API: bounded in time and size, never led to another host, counted."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import httpx
from gidgethub import sansio

from bot.domain.errors import Ambiguous, ForgeUnavailable
from bot.domain.refs import ForgeName
from bot.foreign.clock import ServerClock
from bot.foreign.limits import tell_limits
from bot.foreign.watching import CallWatch
from bot.ports.telemetry import Telemetry, Traces

JSON: Final = sansio.accept_format()
RAW: Final = "application/vnd.github.raw+json"
MAX_ANSWER: Final = 32 * 2**20
"""Bytes; the largest honest answers (100 changed files with their patches) stay far below."""
_USER_AGENT: Final = "assay-bot"
_TIMEOUT: Final = httpx.Timeout(10, connect=5)
_TOTAL_SECONDS: Final = 30.0
_MAX_REDIRECTS: Final = 3
_REDIRECTS: Final = frozenset({301, 302, 307, 308})
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)


@dataclass(frozen=True, slots=True, kw_only=True)
class Request:
    """`path` is a URI template relative to the API, filled from `names`; each name is percent-encoded."""

    method: str
    path: str
    names: Mapping[str, Any]
    body: Mapping[str, Any] | None = None
    accept: str = JSON
    limit: int = MAX_ANSWER
    """Bytes of the answer's body that are read."""
    once: bool = False
    """A write that must not happen twice: an unclear end is Ambiguous."""


@dataclass(frozen=True, slots=True)
class Answer:
    status: int
    headers: httpx.Headers
    body: bytes
    """The first `limit` bytes."""
    is_whole: bool


class Client:
    def __init__(
        self,
        forge: ForgeName,
        api: str,
        *,
        http: httpx.Client,
        clock: ServerClock,
        telemetry: Telemetry,
        traces: Traces,
        monotonic: Callable[[], float],
        api_version: str,
    ) -> None:
        self.clock = clock
        self._forge = forge
        self._api = httpx.URL(api)
        self._http = http
        self._telemetry = telemetry
        self._monotonic = monotonic
        self.watch = CallWatch(forge, telemetry, traces, monotonic)
        self._version = api_version

    def send(self, request: Request, authorization: str) -> Answer:
        """The final answer whatever its status; renamed repositories are followed. Without `authorization`: nobody's.

        Raises:
            ForgeUnavailable: no answer, or led elsewhere.
            Ambiguous: no answer to a write that may have arrived.
        """
        url = httpx.URL(sansio.format_url(request.path, request.names, base_url=str(self._api)))
        for _ in range(1 + _MAX_REDIRECTS):
            answer = self._exchange(request, url, authorization)
            if answer.status not in _REDIRECTS:
                return answer
            url = self._target(url, answer.headers.get("location", ""))
        raise ForgeUnavailable("unexpected redirect: too many")

    def _target(self, url: httpx.URL, location: str) -> httpx.URL:
        target = url.join(location)
        if not location or _origin(target) != _origin(self._api) or target.userinfo:
            raise ForgeUnavailable(f"unexpected redirect to {target.scheme}://{target.host}")
        return target

    def _exchange(self, request: Request, url: httpx.URL, authorization: str) -> Answer:
        try:
            with self.watch.call(request.method, request.path) as called:
                answer = self._transfer(request, url, authorization)
                called.status = answer.status
        except _NOT_SENT as error:
            raise ForgeUnavailable(f"no connection: {type(error).__name__}") from error
        except httpx.HTTPError as error:
            kind = Ambiguous if request.once else ForgeUnavailable
            raise kind(f"no answer: {type(error).__name__}") from error
        self.clock.learn(answer.headers.get("date", ""))
        tell_limits(self._telemetry, self._forge, answer.headers, "x-")
        return answer

    def _transfer(self, request: Request, url: httpx.URL, authorization: str) -> Answer:
        headers = {
            **sansio.create_headers(_USER_AGENT, accept=request.accept),
            **({"authorization": authorization} if authorization else {}),
            "x-github-api-version": self._version,
        }
        prepared = self._http.build_request(request.method, url, headers=headers, json=request.body, timeout=_TIMEOUT)
        end = self._monotonic() + _TOTAL_SECONDS
        answer = self._http.send(prepared, stream=True, follow_redirects=False)
        try:
            body = bytearray()
            for chunk in answer.iter_bytes(65536):
                body += chunk
                if len(body) > request.limit:
                    break
                if self._monotonic() > end:
                    raise httpx.ReadTimeout("the whole answer takes too long")
        finally:
            answer.close()
        is_whole = len(body) <= request.limit
        return Answer(answer.status_code, answer.headers, bytes(body[: request.limit]), is_whole)


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port


def http_client() -> httpx.Client:
    return httpx.Client(timeout=_TIMEOUT, follow_redirects=False, limits=httpx.Limits(max_connections=20))

"""Calls to GitLab's API through python-gitlab: bounded, paced, counted, and answered with our errors."""

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, nullcontext, suppress
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote, urlsplit

import gitlab
import requests
from requests.adapters import BaseAdapter
from urllib3.exceptions import HTTPError, NewConnectionError

from bot.adapters.forge_gitlab.answers import Answer, error_of, json_of
from bot.adapters.forge_gitlab.transport import MAX_ANSWER, CarefulSession
from bot.domain.errors import Ambiguous, BotError, ForgeUnavailable, RateLimited
from bot.domain.refs import ForgeName
from bot.foreign.clock import ServerClock
from bot.foreign.fields import Fields, understood
from bot.foreign.limits import tell_limits
from bot.foreign.pacing import Lane, Lanes, Urgency
from bot.foreign.watching import CallWatch
from bot.ports.telemetry import Telemetry, Traces

PER_PAGE: Final = 100
_MAX_REDIRECTS: Final = 3
_USER_AGENT: Final = "assay-bot"
_NAMED: Final = frozenset(("branches", "commits", "files", "projects", "statuses"))
"""What follows them in a path is a name, whatever it reads like."""
_WORDS: Final = frozenset(
    (*_NAMED, "all", "award_emoji", "compare", "diffs", "events", "hooks", "members", "merge_requests", "notes")
) | frozenset(("personal_access_tokens", "push_events", "raw", "repository", "resend", "self", "test", "user"))
"""What else paths of the API are made of."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    method: str
    path: str
    """Below the API, each name in it percent-encoded; or a whole address of the same API."""
    query: Mapping[str, Any] = field(default_factory=dict)
    body: Mapping[str, Any] | None = None
    limit: int = MAX_ANSWER
    once: bool = False
    """A write that must not happen twice: an unclear end is Ambiguous."""


class Client:
    """Every method raises what `answers.error_of` gives, and ForgeUnavailable or Ambiguous without any answer."""

    def __init__(
        self,
        forge: ForgeName,
        url: str,
        token: str,
        *,
        adapter: BaseAdapter | None,
        telemetry: Telemetry,
        traces: Traces,
        monotonic: Callable[[], float],
        now: Callable[[], datetime],
    ) -> None:
        self._forge = forge
        self._url = url
        self._token = token
        self._adapter = adapter
        self._telemetry = telemetry
        self._monotonic = monotonic
        self.clock = ServerClock(forge, now)
        self._now = now
        self._watch = CallWatch(forge, telemetry, traces, monotonic)
        self._lanes = Lanes(monotonic)
        self._host = Lane(monotonic)
        """GitLab limits a user, so a pause that it asks for holds for all projects."""
        self._own = threading.local()
        self._me = 0

    def me(self) -> int:
        """The number of the user whose token we have; asked for once."""
        if not self._me:
            user = Fields(self.get("/user"))
            self._me = understood(lambda: user.number("id"))
        return self._me

    @property
    def known_me(self) -> int:
        """The same without asking; 0: not known yet."""
        return self._me

    def get(self, path: str, /, **query: Any) -> Any:
        return json_of(self._ask(Call(method="get", path=path, query=query)), once=False)

    def raw(self, path: str, limit: int, /, **query: Any) -> bytes:
        """The first `limit` bytes of what isn't JSON."""
        return self._ask(Call(method="get", path=path, query=query, limit=limit)).body

    def pages(self, path: str, most: int, /, **query: Any) -> Iterator[list[Any]]:
        """Page by page; links to the next one are not followed, for they could lead anywhere."""
        for page in range(1, most + 1):
            answer = self._ask(Call(method="get", path=path, query={**query, "per_page": PER_PAGE, "page": page}))
            data = json_of(answer, once=False)
            if not isinstance(data, list):
                raise ForgeUnavailable("an answer without a list")
            yield data
            if len(data) < PER_PAGE and not answer.headers.get("x-next-page"):
                return

    def reserve(self, project: int, urgency: Urgency = Urgency.USUAL) -> None:
        """Take the right to one write. Raises: RateLimited."""
        self._host.check()
        self._lanes.of(project).reserve(1, urgency)

    def write(self, project: int, method: str, path: str, body: Mapping[str, Any] | None, *, once: bool) -> Any:
        """It must have been reserved; writes to one project go one after the other, as GitLab locks commits."""
        call = Call(method=method, path=path, body=body, once=once)
        return json_of(self._ask(call, self._lanes.of(project).writing()), once=once)

    def _ask(self, call: Call, turn: AbstractContextManager[None] | None = None) -> Answer:
        with turn or nullcontext():
            self._host.check()
            answer = self._send(call)
        if answer.is_good:
            return answer
        error = error_of(answer, self._now(), once=call.once)
        if isinstance(error, RateLimited):
            self._host.pause(error.retry_after or 0)
            self._watch.pause(self._now().timestamp() + (error.retry_after or 0))
        raise error

    def _send(self, call: Call) -> Answer:
        answer = self._exchange(call)
        for _ in range(_MAX_REDIRECTS):
            target = answer.headers.get("location", "") if 300 <= answer.status < 400 else ""  # noqa: PLR2004  # redirects
            if call.method != "get" or not target.startswith(f"{self._url}/api/v4/"):
                break
            # A renamed project, asked for by its old name.
            answer = self._exchange(Call(method="get", path=target, limit=call.limit))
        return answer

    def _exchange(self, call: Call) -> Answer:
        try:
            with self._watch.call(call.method.upper(), route(call.path)) as called:
                answer = self._transfer(call)
                called.status = answer.status
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _no_answer(error, once=call.once) from error
        self.clock.learn(answer.headers.get("date", ""))
        tell_limits(self._telemetry, self._forge, answer.headers)
        return answer

    def _transfer(self, call: Call) -> Answer:
        api, session = self._api()
        session.limit = call.limit
        # What these stand for is in the answer itself.
        with suppress(gitlab.GitlabError, RecursionError):
            api.http_request(
                call.method,
                call.path,
                query_data=dict(call.query),
                post_data=None if call.body is None else dict(call.body),
                obey_rate_limit=False,
                retry_transient_errors=False,
                max_retries=0,
                extra_headers={"Accept-Encoding": "identity"},
            )
        last = session.last
        return Answer(last.status_code, last.headers, last.content, is_whole=not session.was_cut)

    def _api(self) -> tuple[gitlab.Gitlab, CarefulSession]:
        """One for each thread: sessions of requests are not promised to be shared."""
        if not hasattr(self._own, "api"):
            self._own.session = CarefulSession(self._monotonic, self._adapter)
            # Sent as Bearer, which no library sends on to another host.
            self._own.api = gitlab.Gitlab(
                self._url,
                oauth_token=self._token,
                keep_base_url=True,
                user_agent=_USER_AGENT,
                session=self._own.session,
            )
        return self._own.api, self._own.session


def route(path: str) -> str:
    """The path with `{}` for all that names something of somebody's."""
    parts, before = [], ""
    for part in urlsplit(path).path.rpartition("/api/v4")[2].split("/"):
        is_word = not part or (part in _WORDS and before not in _NAMED)
        parts.append(part if is_word else "{}")
        before = part if is_word else ""
    return "/".join(parts)


def project(number: int) -> str:
    return f"/projects/{number}"


def name(text: str) -> str:
    """One name of a path, percent-encoded."""
    return quote(text, safe="")


def is_below(address: str, url: str) -> bool:
    """Is that an address on the forge at `url`, also when it lives below a path of its host."""
    try:
        one, other = urlsplit(address), urlsplit(url)
        same = (one.scheme, one.hostname, one.port) == (other.scheme, other.hostname, other.port)
    except ValueError:
        return False
    return same and not one.username and one.path.startswith(f"{other.path.rstrip('/')}/")


def _no_answer(error: Exception, *, once: bool) -> BotError:
    reason = getattr(error.args[0], "reason", None) if error.args else None
    if isinstance(error, requests.ConnectTimeout) or isinstance(reason, NewConnectionError):
        return ForgeUnavailable(f"no connection: {type(error).__name__}")
    return (Ambiguous if once else ForgeUnavailable)(f"no answer: {type(error).__name__}")

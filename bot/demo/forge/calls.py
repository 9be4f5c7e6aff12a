"""One request to the forge: what handlers get, raise and answer, what is kept of it, what is broken on purpose."""

import itertools
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlencode

from starlette.responses import JSONResponse, Response, StreamingResponse

from bot.demo.forge.state import Account, Repo, Token

MAX_PAGE: Final = 100


class ApiError(Exception):
    """An answer that is not 2xx, in GitHub's form."""

    def __init__(self, status: int, message: str, *errors: object, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.errors = errors
        self.headers = dict(headers or {})

    def response(self) -> Response:
        body: dict[str, object] = {"message": str(self), "documentation_url": "https://docs.github.com/rest"}
        if self.errors:
            body["errors"] = list(self.errors)
        return JSONResponse({**body, "status": str(self.status)}, self.status, headers=self.headers)


@dataclass(slots=True, kw_only=True)
class Call:
    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    """Finds names in any letter case."""
    body: bytes
    url: str
    """The whole address up to the query, for links to other pages."""
    params: dict[str, Any] = field(default_factory=dict)
    """What the route's pattern found in the path."""
    token: Token | None = None
    account: Account | None = None
    """Whose personal token it was; None: the App's bot acts."""
    found_repo: Repo | None = None

    @classmethod
    def at(cls, origin: str, method: str, target: str, headers: Mapping[str, str], body: bytes) -> "Call":
        """`target`: path and query as they are sent; only then they are decoded, so that `%23` is no fragment."""
        raw, _, query = target.partition("?")
        return cls(
            method=method,
            path=unquote(raw),
            query=dict(parse_qsl(query, keep_blank_values=True)),
            headers=headers,
            body=body,
            url=f"{origin}{raw}",
        )

    @property
    def repo(self) -> Repo:
        assert self.found_repo
        return self.found_repo


def paged(call: Call, rows: list[Any], wrap: str = "", default: int = 30) -> Response:
    """One page of the rows with GitHub's Link header; `wrap` puts them under that name beside `total_count`."""
    size = min(_number(call, "per_page", default), MAX_PAGE)
    page = _number(call, "page", 1)
    last = max(1, -(-len(rows) // size))
    links = {"next": page + 1, "last": last} if page < last else {}
    if page > 1:
        links |= {"first": 1, "prev": page - 1}
    header = ", ".join(
        f'<{call.url}?{urlencode({**call.query, "page": number})}>; rel="{rel}"' for rel, number in links.items()
    )
    part = rows[(page - 1) * size : page * size]
    body: object = {"total_count": len(rows), wrap: part} if wrap else part
    return JSONResponse(body, headers={"Link": header} if header else {})


def _number(call: Call, name: str, default: int) -> int:
    text = call.query.get(name, "")
    return max(1, int(text)) if text.isdigit() else default


@dataclass(slots=True, kw_only=True)
class Entry:
    """One line of the journal."""

    number: int
    method: str
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    """Without Authorization."""
    body: Any
    """Parsed JSON; None when there was none."""
    status: int = 0
    """0 while it is under way, and when the connection was cut."""


class Journal:
    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self._numbers = itertools.count(1)
        self._lock = threading.Lock()

    def begin(self, call: Call) -> Entry:
        with self._lock:
            entry = Entry(
                number=next(self._numbers),
                method=call.method,
                path=call.path,
                query=dict(call.query),
                headers={name: value for name, value in call.headers.items() if name.lower() != "authorization"},
                body=_json(call.body),
            )
            self.entries.append(entry)
            return entry

    def find(self, path: str, method: str = "") -> list[Entry]:
        """Entries whose path the regular expression finds, oldest first."""
        return [each for each in self.entries if re.search(path, each.path) and method in ("", each.method)]


def _json(body: bytes) -> Any:  # noqa: ANN401  # whatever the caller sent
    try:
        return json.loads(body) if body else None
    except ValueError:
        return None


@dataclass(slots=True, kw_only=True)
class Fault:
    """What goes wrong with the next `count` requests that fit."""

    path: str
    method: str
    count: int
    status: int
    """0: the real answer, only late (see `delay`)."""
    reset: bool
    """Cut the connection instead of an answer."""
    after: bool
    """Do the work first, then spoil the answer."""
    delay: float
    body: bytes
    headers: dict[str, str]

    def response(self) -> Response:
        if self.reset:
            # The server cuts the connection when fewer bytes come than were promised.
            return StreamingResponse(iter(()), headers={"Content-Length": "64"})
        content = self.body or json.dumps({"message": "made to fail", "status": str(self.status)}).encode()
        return Response(content, self.status, headers=self.headers, media_type="application/json")


class Faults:
    def __init__(self) -> None:
        self._planned: list[Fault] = []
        self._lock = threading.Lock()

    def add(self, fault: Fault) -> None:
        with self._lock:
            self._planned.append(fault)

    def clear(self) -> None:
        with self._lock:
            self._planned.clear()

    def take(self, call: Call) -> Fault | None:
        """The first fault that fits, used up by one."""
        with self._lock:
            for fault in self._planned:
                if fault.method in ("", call.method) and re.search(fault.path, call.path):
                    fault.count -= 1
                    if not fault.count:
                        self._planned.remove(fault)
                    return fault
        return None

"""Who we are to GitHub: an App with tokens of its installations, no wider than needed, or a person (FORGES §1.9)."""

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final, Protocol, TypeVar

import jwt

from bot.adapters.forge_github.answers import UNAUTHORIZED, json_of
from bot.adapters.forge_github.client import Answer, Client, Request
from bot.domain.errors import BadInput, ForgeUnavailable, Gone, Refused
from bot.domain.refs import Repository
from bot.foreign.fields import Fields

_BACK: Final = timedelta(seconds=60)
_LIFE: Final = timedelta(minutes=9)
"""GitHub takes ten minutes at most; `iat` is a minute back, so that small skews don't matter."""
_BEFORE_END: Final = timedelta(minutes=5)
_REFUSED_SECONDS: Final = 60.0
_MAX_TOKEN: Final = 65536
WRITING: Final[Mapping[str, str]] = {"contents": "write", "pull_requests": "write"}
"""What a change with a file of ours takes; the first is more than the App asks for."""
_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Scope:
    """What a token is for: all of an installation (to report), or one repository: to clone it, or to write a file."""

    installation: int
    repository: int | None = None
    writes: bool = False

    @property
    def body(self) -> Mapping[str, Any]:
        if self.repository is None:
            return {}
        permissions = WRITING if self.writes else {"contents": "read"}
        return {"repository_ids": [self.repository], "permissions": permissions}


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    expires_at: datetime


class Credentials(Protocol):
    """What calls are made with, and on whose account they go."""

    def token(self, scope: Scope) -> str: ...

    def drop(self, scope: Scope, token: str) -> None: ...

    def installation(self, repository: Repository) -> int: ...

    def installation_at(self, path: str) -> int | None: ...

    def forget_installation(self, repository: Repository) -> None: ...


class PersonalToken:
    """One token for everything; its account has no installations."""

    def __init__(self, token: str) -> None:
        self._token = token

    def token(self, scope: Scope) -> str:  # noqa: ARG002  # it can't be narrowed
        return self._token

    def drop(self, scope: Scope, token: str) -> None:
        """There is no other."""

    def installation(self, repository: Repository) -> int:  # noqa: ARG002  # one account for all
        return 0

    def installation_at(self, path: str) -> None:
        """None of any."""

    def forget_installation(self, repository: Repository) -> None:
        """Nothing was remembered."""


class AppKey:
    """Signs as the App."""

    def __init__(self, app_id: str, private_key: str) -> None:
        """Raises: BadInput: no key that can sign."""
        self.app_id = app_id
        self._key = private_key
        try:
            jwt.encode({}, private_key, algorithm="RS256")
        except (ValueError, TypeError, jwt.PyJWTError) as error:
            raise BadInput("the App's private key can't be read: it must be an RSA key in PEM form") from error

    def sign(self, now: datetime) -> str:
        claims = {"iat": int((now - _BACK).timestamp()), "exp": int((now + _LIFE).timestamp()), "iss": self.app_id}
        return jwt.encode(claims, self._key, algorithm="RS256")


class Tokens:
    """Tokens in memory, renewed before their end; of many threads that need the same one, one asks."""

    def __init__(self, client: Client, key: AppKey, monotonic: Callable[[], float]) -> None:
        self._client = client
        self._key = key
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._refreshing: dict[object, threading.Lock] = {}
        self._tokens: dict[Scope, _Token] = {}
        self._installations: dict[int, int] = {}
        self._refused: dict[object, tuple[float, Refused | None]] = {}

    def token(self, scope: Scope) -> str:
        """Raises: Gone or NotAllowed: the installation is no more, or suspended; Refused; ForgeUnavailable."""
        with self._one_at_a_time(scope):
            known = self._tokens.get(scope)
            if known is None or known.expires_at - _BEFORE_END <= self._client.clock.now():
                known = self._tokens[scope] = self._remembering(scope, lambda: self._mint(scope))
            return known.text

    def drop(self, scope: Scope, token: str) -> None:
        """It was not accepted; one that came since stays."""
        with self._one_at_a_time(scope):
            known = self._tokens.get(scope)
            if known and known.text == token:
                del self._tokens[scope]

    def installation(self, repository: Repository) -> int:
        """Raises: Gone: the App isn't installed there."""
        if repository.installation is not None:
            return repository.installation
        with self._one_at_a_time(repository.forge_id):
            if repository.forge_id not in self._installations:
                self._installations[repository.forge_id] = self._remembering(
                    repository.forge_id, lambda: self._find(repository.path)
                )
            return self._installations[repository.forge_id]

    def installation_at(self, path: str) -> int:
        """Of a repository of which only the name is known. Raises: Gone."""
        with self._one_at_a_time(path):
            return self._remembering(path, lambda: self._find(path))

    def forget_installation(self, repository: Repository) -> None:
        with self._lock:
            self._installations.pop(repository.forge_id, None)

    def writes_files(self, repository: Repository) -> bool:
        """Does the installation allow it now? Raises: as `as_app`."""
        names = {"number": str(self.installation(repository))}
        data = Fields(self.as_app(Request(method="GET", path="/app/installations/{number}", names=names)))
        granted = data.inner("permissions").data if data.has("permissions") else {}
        return all(granted.get(name) == level for name, level in WRITING.items())

    def as_app(self, request: Request) -> Any:
        """A call in the App's own name."""
        data, _ = json_of(self.answer_to_app(request), self._client.clock.now(), once=request.once)
        return data

    def answer_to_app(self, request: Request) -> Answer:
        """A first refusal may be our clock's fault: its answer has taught us the right time."""
        answer = self._send(request)
        return self._send(request) if answer.status == UNAUTHORIZED else answer

    def _mint(self, scope: Scope) -> _Token:
        request = Request(
            method="POST",
            path="/app/installations/{number}/access_tokens",
            names={"number": str(scope.installation)},
            body=scope.body,
        )
        answer = Fields(self.as_app(request))
        expires_at = answer.time("expires_at")
        if not answer.text("token", 1) or expires_at is None:
            raise ForgeUnavailable("an installation token without token or end")
        return _Token(answer.word("token", _MAX_TOKEN), expires_at)

    def _find(self, path: str) -> int:
        request = Request(method="GET", path="/repos{/path*}/installation", names={"path": path.split("/")})
        try:
            return Fields(self.as_app(request)).number("id")
        except Gone as error:
            raise Gone(f"the App is not installed on {path}") from error
        except BadInput as error:
            raise ForgeUnavailable("an installation without a number") from error

    def _send(self, request: Request) -> Answer:
        return self._client.send(request, f"Bearer {self._key.sign(self._client.clock.now())}")

    def _remembering(self, key: object, ask: Callable[[], _T]) -> _T:
        """Don't ask again at once for what was refused."""
        until, refusal = self._refused.get(key, (0.0, None))
        if refusal and self._monotonic() < until:
            raise type(refusal)(str(refusal))
        try:
            return ask()
        except Refused as error:
            self._refused[key] = self._monotonic() + _REFUSED_SECONDS, error
            raise

    def _one_at_a_time(self, key: object) -> threading.Lock:
        with self._lock:
            return self._refreshing.setdefault(key, threading.Lock())

"""A small GitHub behind an httpx client: keeps state, checks who asks, can fail, and counts what it is asked."""

import functools
import json
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any, Final

import httpx
import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

APP_ID: Final = "4711"
INSTALLATION: Final = 12
URL: Final = "http://127.0.0.1:9"
_API: Final = "/api/v3"

Json = Any


@functools.cache
def app_key() -> rsa.RSAPrivateKey:
    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


def private_key() -> str:
    pem = serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return app_key().private_bytes(*pem).decode()


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def monotonic(self) -> float:
        return self.seconds

    def now(self) -> datetime:
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)

    def advance(self, seconds: float) -> None:
        self.seconds += seconds


@dataclass
class Commit:
    message: str
    files: dict[str, bytes]
    changed: list[dict[str, str]]


@dataclass
class Repo:
    id: int
    path: str
    commits: dict[str, Commit] = field(default_factory=dict)
    pulls: dict[int, dict[str, Json]] = field(default_factory=dict)
    people: dict[str, tuple[int, str]] = field(default_factory=dict)
    checks: dict[int, dict[str, Json]] = field(default_factory=dict)

    def json(self) -> dict[str, Json]:
        return {
            "id": self.id,
            "full_name": self.path,
            "private": False,
            "default_branch": "main",
            "html_url": f"{URL}/{self.path}",
            "clone_url": f"{URL}/{self.path}.git",
        }


class Trouble(Exception):
    def __init__(self, status: int, message: str, **headers: str) -> None:
        super().__init__(message)
        self.status = status
        self.headers = {name.replace("_", "-"): value for name, value in headers.items()}


@dataclass
class Call:
    request: httpx.Request
    names: dict[str, str]
    repo: Repo

    @property
    def query(self) -> httpx.QueryParams:
        return self.request.url.params

    def body(self) -> dict[str, Json]:
        found = json.loads(self.request.content or b"{}")
        assert isinstance(found, dict)
        return found


Answer = Callable[[httpx.Request], httpx.Response]
Handler = Callable[["GitHubMinimal", Call], httpx.Response]


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


class GitHubMinimal(httpx.BaseTransport):
    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.repos: dict[int, Repo] = {}
        self.old_paths: dict[str, int] = {}
        self.tokens: dict[str, tuple[datetime, dict[str, Json]]] = {}
        self.asked: list[httpx.Request] = []
        self.instead: list[Answer | None] = []
        """Answers to the next requests in order; None: the right one."""
        self.lose: int = 0
        """So many next writes happen, but their answers get lost."""
        self.skew = timedelta()
        self.installed = True
        self._numbers = iter(range(5001, 10**6))

    def client(self) -> httpx.Client:
        return httpx.Client(transport=self)

    def calls(self, method: str, ending: str) -> int:
        return sum(one.method == method and one.url.path.endswith(ending) for one in self.asked)

    def now(self) -> datetime:
        return self.clock.now() + self.skew

    def number(self) -> int:
        return next(self._numbers)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.asked.append(request)
        answer = self.instead.pop(0) if self.instead else None
        response = answer(request) if answer else self._answer(request)
        response.headers.setdefault("date", format_datetime(self.now(), usegmt=True))
        if self.lose and request.method != "GET" and "/app/" not in request.url.path:
            self.lose -= 1
            raise httpx.ReadTimeout("lost", request=request)
        return response

    def _answer(self, request: httpx.Request) -> httpx.Response:
        try:
            return self._route(request)
        except Trouble as trouble:
            return httpx.Response(trouble.status, json={"message": str(trouble)}, headers=trouble.headers)

    def _route(self, request: httpx.Request) -> httpx.Response:
        path = request.url.path.removeprefix(_API)
        for method, pattern, handler in _ROUTES:
            match = re.fullmatch(pattern, path)
            if match and method == request.method:
                by_app = "/app/" in path or path.endswith("/installation")
                (self._check_jwt if by_app else self._check_token)(request)
                return self._handle(request, match.groupdict(), handler)
        raise Trouble(404, "Not Found")

    def _handle(self, request: httpx.Request, names: dict[str, str], handler: Handler) -> httpx.Response:
        if "repo" not in names:
            return handler(self, Call(request, names, Repo(0, "")))
        repo = next((one for one in self.repos.values() if one.path == names["repo"]), None)
        if repo:
            return handler(self, Call(request, names, repo))
        if names["repo"] not in self.old_paths:
            raise Trouble(404, "Not Found")
        moved = self.repos[self.old_paths[names["repo"]]].path
        location = str(request.url).replace(f"/repos/{names['repo']}", f"/repos/{moved}")
        return httpx.Response(301 if request.method == "GET" else 307, headers={"location": location})

    def _check_jwt(self, request: httpx.Request) -> None:
        token = request.headers["authorization"].removeprefix("Bearer ")
        claims = jwt.decode(
            token, app_key().public_key(), algorithms=["RS256"], options={"verify_exp": False, "verify_iat": False}
        )
        now = self.now().timestamp()
        if claims["iss"] != APP_ID or not claims["iat"] <= now < claims["exp"] <= now + 600:
            raise Trouble(401, "'Issued at' claim ('iat') must be in the past, 'exp' not too far in the future")

    def _check_token(self, request: httpx.Request) -> None:
        token = request.headers["authorization"].removeprefix("Bearer ")
        if token not in self.tokens or self.tokens[token][0] <= self.now():
            raise Trouble(401, "Bad credentials")

    def make_token(self, call: Call) -> httpx.Response:
        if not self.installed:
            raise Trouble(404, "Not Found")
        token, expires_at = f"ghs_{self.number()}", self.now() + timedelta(hours=1)
        self.tokens[token] = expires_at, call.body()
        return httpx.Response(201, json={"token": token, "expires_at": expires_at.strftime("%Y-%m-%dT%H:%M:%SZ")})

    def installation(self, call: Call) -> httpx.Response:
        if not self.installed:
            raise Trouble(404, "Not Found")
        return httpx.Response(200, json={"id": INSTALLATION})

    def repository(self, call: Call) -> httpx.Response:
        return httpx.Response(200, json=call.repo.json())

    def by_id(self, call: Call) -> httpx.Response:
        if int(call.names["id"]) not in self.repos:
            raise Trouble(404, "Not Found")
        return httpx.Response(200, json=self.repos[int(call.names["id"])].json())

    def pull(self, call: Call) -> httpx.Response:
        number = int(call.names["number"])
        if number not in call.repo.pulls:
            raise Trouble(404, "Not Found")
        base = {**call.repo.pulls[number]["base"], "repo": call.repo.json()}
        return httpx.Response(200, json={**call.repo.pulls[number], "base": base})

    def pull_files(self, call: Call) -> httpx.Response:
        head = call.repo.pulls[int(call.names["number"])]["head"]["sha"]
        return _page(call, call.repo.commits[head].changed)

    def commit(self, call: Call) -> httpx.Response:
        if call.names["sha"] not in call.repo.commits:
            raise Trouble(422, f"No commit found for SHA: {call.names['sha']}")
        message = call.repo.commits[call.names["sha"]].message
        return httpx.Response(200, json={"sha": call.names["sha"], "commit": {"message": message}})

    def permission(self, call: Call) -> httpx.Response:
        if call.names["login"] not in call.repo.people:
            raise Trouble(404, "Not Found")
        number, role = call.repo.people[call.names["login"]]
        permission = {"maintain": "write", "triage": "read"}.get(role, role)
        user = {"id": number, "login": call.names["login"]}
        return httpx.Response(200, json={"permission": permission, "role_name": role, "user": user})

    def contents(self, call: Call) -> httpx.Response:
        commit = call.repo.commits.get(call.query["ref"])
        if commit is None:
            raise Trouble(404, f"No commit found for the ref {call.query['ref']}")
        path = call.names["path"]
        if path in commit.files:
            kind = {"content-type": "application/vnd.github.raw+json; charset=utf-8"}
            return httpx.Response(200, content=commit.files[path], headers=kind)
        below = [{"path": name} for name in commit.files if name.startswith(f"{path}/")]
        if not below:
            raise Trouble(404, "Not Found")
        return httpx.Response(200, json=below)

    def compare(self, call: Call) -> httpx.Response:
        base, head = call.names["range"].split("...")
        if base not in call.repo.commits or head not in call.repo.commits:
            raise Trouble(404, "Not Found")
        return httpx.Response(200, json={"status": "ahead", "files": call.repo.commits[head].changed[:300]})

    def list_checks(self, call: Call) -> httpx.Response:
        runs = [one for one in call.repo.checks.values() if one["head_sha"] == call.names["sha"]]
        runs = [one for one in runs if one["name"] == call.query["check_name"]]
        return _page(call, [_shown(one) for one in runs], "check_runs")

    def get_check(self, call: Call) -> httpx.Response:
        return httpx.Response(200, json=_shown(self._check(call)))

    def create_check(self, call: Call) -> httpx.Response:
        body = call.body()
        if body["head_sha"] not in call.repo.commits:
            raise Trouble(422, f"No commit found for SHA: {body['head_sha']}")
        number = self.number()
        call.repo.checks[number] = {"id": number, "head_sha": body["head_sha"], "annotations": []}
        _update(call.repo.checks[number], body)
        return httpx.Response(201, json=_shown(call.repo.checks[number]))

    def update_check(self, call: Call) -> httpx.Response:
        _update(self._check(call), call.body())
        return httpx.Response(200, json=_shown(self._check(call)))

    def _check(self, call: Call) -> dict[str, Json]:
        if int(call.names["run"]) not in call.repo.checks:
            raise Trouble(404, "Not Found")
        return call.repo.checks[int(call.names["run"])]


def _update(run: dict[str, Json], body: dict[str, Json]) -> None:
    output = body.get("output", {})
    annotations = output.get("annotations", [])
    too_long = any(len(output.get(key, "").encode()) > 65535 for key in ("summary", "text"))
    if len(annotations) > 50 or too_long or len(output.get("title", "")) > 255:
        raise Trouble(422, "Invalid request: over a limit")
    if body.get("status") == "completed" and "conclusion" not in body:
        raise Trouble(422, "completed needs a conclusion")
    if run.get("status") == "completed" and body.get("status") != "completed":
        raise Trouble(422, "completed is final")
    kept = {key: value for key, value in output.items() if key != "annotations"}
    run |= {**body, "output": {**run.get("output", {}), **kept}, "annotations": run["annotations"] + annotations}


def _shown(run: dict[str, Json]) -> dict[str, Json]:
    output = {**run["output"], "annotations_count": len(run["annotations"])}
    return {**run, "output": output, "app": {"id": int(APP_ID)}}


def _page(call: Call, rows: list[Json], key: str | None = None) -> httpx.Response:
    size, page = int(call.query.get("per_page", 30)), int(call.query.get("page", 1))
    part = rows[(page - 1) * size : page * size]
    following = f'<{call.request.url.copy_set_param("page", page + 1)}>; rel="next"'
    headers = {"link": following} if len(rows) > page * size else {}
    return httpx.Response(200, json={key: part, "total_count": len(rows)} if key else part, headers=headers)


_REPO: Final = r"/repos/(?P<repo>[^/]+/[^/]+)"
_ROUTES: Final = (
    ("POST", r"/app/installations/12/access_tokens", GitHubMinimal.make_token),
    ("GET", _REPO + "/installation", GitHubMinimal.installation),
    ("GET", r"/repositories/(?P<id>\d+)", GitHubMinimal.by_id),
    ("GET", _REPO, GitHubMinimal.repository),
    ("GET", _REPO + r"/pulls/(?P<number>\d+)", GitHubMinimal.pull),
    ("GET", _REPO + r"/pulls/(?P<number>\d+)/files", GitHubMinimal.pull_files),
    ("GET", _REPO + r"/commits/(?P<sha>[^/]+)", GitHubMinimal.commit),
    ("GET", _REPO + r"/commits/(?P<sha>[^/]+)/check-runs", GitHubMinimal.list_checks),
    ("GET", _REPO + r"/collaborators/(?P<login>[^/]+)/permission", GitHubMinimal.permission),
    ("GET", _REPO + r"/contents/(?P<path>.+)", GitHubMinimal.contents),
    ("GET", _REPO + r"/compare/(?P<range>.+)", GitHubMinimal.compare),
    ("POST", _REPO + "/check-runs", GitHubMinimal.create_check),
    ("GET", _REPO + r"/check-runs/(?P<run>\d+)", GitHubMinimal.get_check),
    ("PATCH", _REPO + r"/check-runs/(?P<run>\d+)", GitHubMinimal.update_check),
)

"""Who may do what over the API: each role, each operation, public and private; what is not in the table is refused.

RELIABILITY S114, S116; cases C83.
"""

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any, Final

import pytest
from starlette.testclient import TestClient

from bot.app import access
from bot.domain.catalog import Kind
from bot.domain.notices import NoticeState
from bot.domain.refs import Person
from bot.domain.runs import Run
from bot.domain.sessions import Session
from bot.domain.suites import Notify
from bot.domain.tokens import OF_PLACES, Bound, Scope
from tests.builders import SHA
from tests.fakes.channel import FakeChannel
from tests.fakes.forge import ANA, STAN
from tests.web.conftest import GITHUB, MakeClient, World

RITA, ADA, OLGA = Person(3, "rita"), Person(60, "ada"), Person(77, "olga")
"""Reader, admin of the repositories at the forge, one whom ASSAY_ADMINS names."""
PEOPLE: Final = {"reader": RITA, "writer": ANA, "maintainer": ADA, "stranger": STAN, "operator": OLGA}
SCOPES: Final = {f"operator's {scope}": (scope,) for scope in Scope}
ROLES: Final = (
    "nobody",
    *(f"{name} signed in" for name in PEOPLE),
    *(f"{name}'s token" for name in PEOPLE),
    *SCOPES,
    "reader's token of runs:write",
    "repository's token",
    "repository's token of runs:read",
    "other repository's token",
)


def roles(*words: str) -> frozenset[str]:
    assert set(words) <= set(ROLES), words
    return frozenset(words)


ALL: Final = frozenset(ROLES)
TOKENS: Final = frozenset(role for role in ROLES if "token" in role or role in SCOPES)
SEEING: Final = roles(
    *(f"{name} signed in" for name in ("reader", "writer", "maintainer", "operator")),
    *(f"{name}'s token" for name in ("reader", "writer", "maintainer", "operator")),
    *("operator's runs:read", "operator's admin", "repository's token", "repository's token of runs:read"),
)
"""Of what is private."""
CHIEFS: Final = roles("operator's admin", "operator's token")
WRITING: Final = CHIEFS | roles("writer's token", "maintainer's token", "repository's token")
CARING: Final = CHIEFS | roles("maintainer's token", "repository's token")
CARING_TO_LOOK: Final = CARING | roles("operator signed in")
REGISTERING: Final = CHIEFS | roles("operator's suites:write")
USING: Final = REGISTERING | roles("operator's runs:read", "operator's runs:write", "operator signed in")
OWNING: Final = roles(*(f"{name}'s token" for name in PEOPLE), "reader's token of runs:write")


@dataclass(frozen=True, slots=True)
class Rule:
    public: frozenset[str]
    private: frozenset[str]
    body: Callable[[str], object] = lambda _: None
    """Of the repository's name."""


def whole(who: frozenset[str], body: object = None) -> Rule:
    """About all of the installation."""
    return Rule(who, who, lambda _: body)


def with_(who: frozenset[str], operators: str, body: object = None) -> Rule:
    """Also for an operator's token of that scope, which sees what is public alone."""
    return Rule(who | roles(operators), who, lambda _: body)


SUITE: Final = {"name": "nightly", "suite": {"image": "a", "run": "b"}}
ENVIRONMENT: Final = {"name": "small", "environment": {"image": "a"}}
TOKEN: Final = {"name": "made", "scopes": ["runs:write"]}
LOOK: Final = Rule(ALL, SEEING)
CARE: Final = "operator's repos:admin"
READ: Final = ("/runs", "/builds", "/repositories", "/suites", "/environments", "/queue", "/audit/entries")
READ_THERE: Final = (
    *("/runs/{run}", "/runs/{run}/log", "/runs/{run}/tests", "/runs/{run}/comparison"),
    *("/runs/{run}/artifacts", "/runs/{run}/artifacts/{path}", "/builds/{build}", "/builds/{build}/artifacts"),
)
TABLE: Final[dict[str, Rule]] = {
    **{f"GET {path}": LOOK for path in READ_THERE},
    **{f"GET {path}": whole(ALL) for path in READ},
    "POST /oauth/token": whole(frozenset()),  # has the client's own secret: tests/web/test_oauth.py
    "POST /runs": Rule(
        WRITING | roles("operator's runs:write"), WRITING, lambda name: {"repository": name, "sha": SHA}
    ),
    "POST /runs/{run}/cancel": with_(WRITING, "operator's runs:write"),
    "POST /runs/{run}/retest": with_(WRITING, "operator's runs:write"),
    "POST /runs/{run}/bisect": with_(WRITING, "operator's runs:write"),
    "POST /runs/{run}/logs/ticket": Rule(TOKENS, SEEING & TOKENS),
    "POST /builds/{build}/cancel": with_(WRITING, "operator's runs:write"),
    "POST /builds/{build}/approve": with_(WRITING, "operator's builds:approve", {"sha": SHA}),
    "POST /suites": whole(REGISTERING, SUITE),
    "POST /environments": whole(REGISTERING, ENVIRONMENT),
    **{
        f"GET /{kind}s/{{{kind}}}{more}": whole(USING)
        for kind in ("suite", "environment")
        for more in ("", "/versions")
    },
    "PUT /suites/{suite}": whole(REGISTERING, SUITE),
    "PUT /environments/{environment}": whole(REGISTERING, ENVIRONMENT),
    "DELETE /suites/{suite}": whole(REGISTERING),
    "DELETE /environments/{environment}": whole(REGISTERING),
    "POST /repositories": whole(CHIEFS | roles(CARE), {"repository": "acme/hello"}),
    "GET /repositories/{number}": with_(CARING_TO_LOOK, CARE),
    "PATCH /repositories/{number}": with_(CARING, CARE, {"rules": {"fork_policy": "always"}}),
    "DELETE /repositories/{number}": with_(CARING, CARE),
    "POST /repositories/{number}/rotate-secret": with_(CARING, CARE),
    "POST /repositories/{number}/test": with_(CARING, CARE),
    "GET /repositories/{number}/secrets": with_(CARING_TO_LOOK, CARE),
    "PUT /repositories/{number}/secrets/NAME": with_(CARING, CARE, {"value": "something long"}),
    "DELETE /repositories/{number}/secrets/KEPT": with_(CARING, CARE),
    "GET /repositories/{number}/channels": with_(CARING_TO_LOOK, CARE),
    "PUT /repositories/{number}/channels/name": with_(CARING, CARE, {"address": "slack+https://h.example/x"}),
    "DELETE /repositories/{number}/channels/kept": with_(CARING, CARE),
    "POST /repositories/{number}/channels/kept/test": with_(CARING, CARE),
    "GET /repositories/{number}/notices": with_(CARING_TO_LOOK, CARE),
    "POST /repositories/{number}/notices/{notice}/again": with_(CARING, CARE),
    "GET /repositories/{number}/tokens": with_(CARING_TO_LOOK, CARE),
    "POST /repositories/{number}/tokens": Rule(CARING, CARING, lambda _: TOKEN),
    "DELETE /repositories/{number}/tokens/{token}": with_(CARING, CARE),
    "GET /tokens": whole(OWNING | roles(*(f"{name} signed in" for name in PEOPLE))),
    "POST /tokens": whole(OWNING, TOKEN),
    "DELETE /tokens/{mine}": whole(OWNING),
    "GET /notices": whole(CHIEFS | roles("operator signed in")),
    "POST /notices/{notice}/again": whole(CHIEFS),
    "GET /channels": whole(CHIEFS | roles("operator signed in")),
    "GET /workers": whole(CHIEFS | roles("operator signed in")),
}
_PARTS: Final = 6
"""Of the roles, so that no test takes long."""
_NAMES: Final = {
    "{run}": "{id}",
    "{suite}": "{id}",
    "{environment}": "{id}",
    "{token}": "{id}",
    "{mine}": "{id}",
    "/notices/{notice}/again": "/notices/{number}/again",
    "{build}": "{number}",
    "/NAME": "/{name}",
    "/KEPT": "/{name}",
    "channels/name": "channels/{name}",
    "channels/kept": "channels/{name}",
}


@pytest.fixture
def world(world: World) -> World:
    world.app = replace(
        world.app,
        rules=replace(world.app.rules, admins=frozenset({f"github:{OLGA.id}"})),
        open_channel=lambda _: FakeChannel(),
    )
    world.forge.admins |= {ADA.id, OLGA.id}
    world.forge.strangers.add(STAN.id)
    world.forge.suite_files[""] = b"suites: {unit: {image: a, run: b}}"
    return world


def test_every_operation_of_the_document_is_in_the_table(world: World, client: TestClient) -> None:
    document = client.get("/openapi.json").json()
    assert document["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
    documented = document["paths"]
    operations = {f"{method.upper()} {path}" for path, methods in documented.items() for method in methods}
    known = set()
    for operation in TABLE:
        for ours, theirs in _NAMES.items():
            operation = operation.replace(ours, theirs)  # noqa: PLW2901  # step by step
        if "/repositories/{number}/notices" in operation and operation.endswith("/again"):
            operation = "POST /repositories/{number}/notices/{notice}/again"  # noqa: PLW2901  # has two numbers
        known.add(operation)
    assert operations <= known
    open_ = {
        f"{method.upper()} {path}"
        for path, methods in documented.items()
        for method, one in methods.items()
        if {} in one["security"]
    }
    assert open_ == {name for name in operations if name.startswith("GET") and name in _anybodys(known)} | {
        "POST /oauth/token"
    }


def _anybodys(known: set[str]) -> set[str]:
    plain = {operation for operation, rule in TABLE.items() if "nobody" in rule.public}
    named = set()
    for operation in plain:
        for ours, theirs in _NAMES.items():
            operation = operation.replace(ours, theirs)  # noqa: PLW2901  # step by step
        named.add(operation)
    return named & known


@pytest.mark.parametrize("private", [False, True], ids=["public", "private"])
@pytest.mark.parametrize("some", [ROLES[n::_PARTS] for n in range(_PARTS)], ids=", ".join)
def test_what_the_table_does_not_name_is_refused(
    world: World, make_client: MakeClient, some: tuple[str, ...], private: bool
) -> None:
    client = make_client(call_burst=1e9)
    kept = world.finished(private=private)
    world.leave(kept, {"out/a.txt": b"kept"})
    wrong = []
    for role in some:
        headers = {**_headers(world, role, private=private), "if-match": "*"}
        for operation, rule in TABLE.items():
            method, _, path = operation.partition(" ")
            run = kept if method == "GET" else world.finished(private=private)
            address = path.format(path="out/a.txt", **_things(world, path, run, role))
            body = rule.body("acme/secret" if private else "acme/hello")
            status = client.request(method, address, headers=headers, json=body).status_code
            may = role in (rule.private if private else rule.public)
            if may is (status in (400, 401, 403, 404)):
                wrong.append(f"{role}: {operation}: {status}, {'allowed' if may else 'refused'} in the table")
    assert wrong == []


_serial: Final[Iterator[int]] = iter(range(10**9))


def _things(world: World, path: str, run: Run, role: str) -> dict[str, Any]:
    """What the path names, fresh, so that nothing depends on what was done before."""
    n = next(_serial)
    made: dict[str, Any] = {"run": run.id, "build": run.build, "number": run.repository}
    if "{token}" in path:
        made["token"] = _token(world, f"of{n}", (Scope.READ,), Bound(repository=run.repository)).split("_")[1]
    if "{mine}" in path:
        made["mine"] = _token(world, f"mine{n}", (Scope.READ,), _bound(role)).split("_")[1]
    with world.app.work() as work:
        if "{notice}" in path:
            work.notices.add(run.build, Notify(channel="team"))
            made["notice"] = max(work.notices.due(1000))
            work.notices.settle(made["notice"], NoticeState.DEAD, "answered 404")
        for kind in Kind:
            if f"{{{kind}}}" in path:
                made[kind] = f"{kind}{n}"
                assert work.catalog.add(kind, made[kind], f"n{n}", '{"suite": {}, "environment": {}}', "root")
        if "KEPT" in path:
            work.secrets.put(run.repository, "KEPT", world.app.vault.encrypt(b"something long"), "root")
        if "kept" in path:
            sealed = world.app.vault.encrypt(b"slack+https://h.example/x")
            work.own_channels.put(run.repository, "kept", "slack", sealed, "root")
    return made


def _bound(role: str) -> Bound | None:
    person = next((one for name, one in PEOPLE.items() if role.startswith(f"{name}'s token")), None)
    return Bound(forge=GITHUB, person=person) if person else None


def _token(world: World, name: str, scopes: tuple[Scope, ...], bound: Bound | None) -> str:
    return access.create(
        world.app, name, scopes, secret=f"secret-of-{name}", expires_at=None, actor="root", bound=bound
    )


def _headers(world: World, role: str, *, private: bool) -> dict[str, str]:
    name = f"n{next(_serial)}"
    if role == "nobody":
        return {}
    if role.endswith("signed in"):
        return {"cookie": f"__Host-assay-session={_session(world, PEOPLE[role.removesuffix(' signed in')], name)}"}
    repository = world.repository(private=private).id
    other = world.repository(private=not private).id
    everything = tuple(one for one in Scope if one in OF_PLACES)
    tokens = {
        **{f"{who}'s token": (tuple(Scope), Bound(forge=GITHUB, person=person)) for who, person in PEOPLE.items()},
        **{one: (scopes, None) for one, scopes in SCOPES.items()},
        "reader's token of runs:write": ((Scope.WRITE,), Bound(forge=GITHUB, person=RITA)),
        "repository's token": (everything, Bound(repository=repository)),
        "repository's token of runs:read": ((Scope.READ,), Bound(repository=repository)),
        "other repository's token": (everything, Bound(repository=other)),
    }
    return {"authorization": f"Bearer {_token(world, name, *tokens[role])}"}


def _session(world: World, person: Person, text: str) -> str:
    now = world.app.now()
    digest = hashlib.sha256(text.encode()).hexdigest()
    with world.app.work() as work:
        ends = now + timedelta(days=1)
        work.sessions.add(Session(digest=digest, forge=GITHUB, person=person, created_at=now, expires_at=ends))
    return text

"""Who may do what over the web: every route, every scope, every token that is not valid (RELIABILITY S114)."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from starlette.routing import BaseRoute, Mount, Route
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from bot.app import access
from bot.domain.results import Case, Outcome, Results
from bot.domain.tokens import Scope
from tests.builders import SHA
from tests.web.conftest import World

ORDER = {"repository": "acme/hello", "sha": SHA}
READS = [
    "/runs",
    "/runs/{run}",
    "/runs/{run}/log",
    "/runs/{run}/tests",
    "/runs/{run}/comparison",
    "/runs/{run}/artifacts",
    "/runs/{run}/artifacts/{path}",
    "/builds",
    "/builds/{build}",
    "/builds/{build}/artifacts",
    "/queue",
    "/audit/entries",
    "/repositories",
    "/suites",
    "/environments",
    "/",
    "/repos/github/{repository}",
    "/b/github/{repository}.svg",
    "/b/github/{repository}.json",
    "/audit",
    "/b/{build}",
    "/b/{build}/unit",
    "/b/{build}/unit/log",
    "/b/{build}/unit/tests",
    "/b/{build}/unit/compare",
    "/b/{build}/unit/stream",
    "/b/{build}/-/stream",
    "/repos/github/{repository}/-/cc.xml",
    "/repos/github/{repository}/-/feed.atom",
    "/cc.xml",
    "/cctray.xml",
    "/repos/github/{repository}/-/flaky",
    "/repos/github/{repository}/-/test",
]
WRITES = [
    ("/runs", ORDER, Scope.WRITE),
    ("/runs/{run}/cancel", None, Scope.WRITE),
    ("/runs/{run}/retest", None, Scope.WRITE),
    ("/runs/{run}/bisect", None, Scope.WRITE),
    ("/builds/{build}/cancel", None, Scope.WRITE),
    ("/builds/{build}/approve", {"sha": SHA}, Scope.APPROVE),
]
REGISTERED = [
    "/repositories/{number}",
    "/repositories/{number}/rotate-secret",
    "/repositories/{number}/test",
    "/repositories/{number}/secrets",
    "/repositories/{number}/secrets/{name}",
    "/suites/{run}",
    "/suites/{run}/versions",
    "/environments/{run}",
    "/environments/{run}/versions",
    "/tokens",
    "/tokens/{run}",
    "/repositories/{number}/tokens",
    "/repositories/{number}/tokens/{run}",
    "/runs/{run}/logs/ticket",
    "/repositories/{number}/channels",
    "/repositories/{number}/channels/{name}",
    "/repositories/{number}/channels/{name}/test",
    "/repositories/{number}/notices",
    "/repositories/{number}/notices/{notice}/again",
]
"""With a scope of their own: tests/web/test_repositories.py, test_repository_secrets.py, test_catalog.py
and test_channels.py."""
OPERATORS = ["/channels", "/notices", "/notices/{build}/again", "/workers"]
"""For admins alone: tests/web/test_notices.py and test_operating.py."""
FREE = {
    "/webhooks/{forge}": "signed by the forge",
    "/webhooks/{forge}/{hook}": "signed by the forge",
    "/healthz": "",
    "/readyz": "",
    "/metrics": "has a token of its own",
    "/icons/{word}.svg": "",
    "/schema/v1.json": "",
    "/sign-in": "",
    "/sign-in/{forge}": "",
    "/sign-in/{forge}/done": "",
    "/sign-out": "has the key of the session",
    "/b/{build}/-/press": "has the key of the session (tests/web/test_signin.py)",
    "/approvals": "for who has signed in (tests/web/test_operators.py), as the next",
    "/admin/work": "",
    "/admin/repositories": "",
    "/repos/{forge}/{path}/-/first-suite-file": "for writers who have signed in (tests/web/test_first_file.py)",
    "/repos/{forge}/{path}/-/settings": "for admins who have signed in (tests/web/test_repository_settings.py)",
    "/me/tokens": "for who has signed in (tests/web/test_tokens.py), as the next",
    "/me/tokens/revoke": "",
    "/admin/tokens": "",
    "/admin/tokens/revoke": "",
    "/admin/notices": "",
    "/admin/notices/again": "",
    "/setup": "has a link, then a cookie of its own (tests/web/test_setup.py), as what is below it",
    "/setup/enter": "",
    "/setup/github": "",
    "/setup/github/done": "",
    "/setup/app": "",
    "/setup/gitlab": "",
    "/setup/leave": "",
    "/oauth/token": "has the client's own secret (tests/web/test_oauth.py)",
    "/openapi.json": "",
    "/docs": "",
}
"""What never looks at a token."""


def _paths(routes: list[BaseRoute]) -> Iterator[str]:
    for route in routes:
        if isinstance(route, Mount) and route.path == "":
            yield from _paths(list(route.routes))
        elif isinstance(route, Route):
            yield route.path


def _plain(path: str) -> str:
    return (
        path.replace("{path:path}", "{path}")
        .replace("{name:path}", "{name}")
        .replace("/repos/github/{repository}", "/repos/{forge}/{path}")
        .replace("/b/github/{repository}", "/b/{forge}/{owner}/{name}")
        .replace("{run}", "{id}")
        .replace("{number}", "{build}")
        .replace("unit", "{suite}")
    )


def filled(path: str, world: World, *, private: bool = False) -> str:
    run = world.finished(private=private)
    world.leave(run, {"out/a.txt": b"kept"})
    repository = "acme/secret" if private else "acme/hello"
    if "/-/flaky" in path or "/-/test" in path:
        with world.app.work() as work:
            work.results.add(run, [Case(name="t", outcome=Outcome.PASSED)])
            work.results.conclude(run, "main", Results(passed=1))
        return f"{path.format(repository=repository)}?suite=unit&name=t"
    return path.format(run=run.id, build=run.build, path="out/a.txt", repository=repository)


def test_every_route_is_in_one_of_the_tables(client: TestClient) -> None:
    routes = client.app.routes  # type: ignore[attr-defined]  # a Starlette application
    documented = client.get("/openapi.json").json()["paths"]
    known = {_plain(path) for path in [*READS, *(path for path, _, _ in WRITES), *REGISTERED, *OPERATORS, *FREE]}
    assert {_plain(path) for path in [*_paths(routes), *documented]} == known


@pytest.fixture(params=["made up", "expired", "revoked", "cut", "oversized", "no scheme"])
def invalid(request: pytest.FixtureRequest, world: World) -> dict[str, str]:
    good = world.token(*Scope)["authorization"]
    expired = world.token(*Scope, name="old", expires_at=world.app.now() - timedelta(seconds=1))["authorization"]
    revoked = world.token(*Scope, name="ended")["authorization"]
    access.revoke(world.app, "ended", actor="root")
    headers = {
        "made up": "Bearer assay_id1_guess",
        "expired": expired,
        "revoked": revoked,
        "cut": good[:-1],
        "oversized": good + "x" * 20_000,
        "no scheme": good.removeprefix("Bearer "),
    }
    return {"authorization": headers[request.param]}


@pytest.mark.parametrize("path", READS)
def test_a_token_that_is_not_valid_is_refused_also_where_anybody_may_read(
    world: World, client: TestClient, path: str, invalid: dict[str, str]
) -> None:
    answer = client.get(filled(path, world), headers=invalid)
    assert (answer.status_code, answer.headers["www-authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "unauthorized"


@pytest.mark.parametrize(("path", "body", "_scope"), WRITES)
def test_a_token_that_is_not_valid_may_do_nothing(
    world: World, client: TestClient, path: str, body: object, _scope: Scope, invalid: dict[str, str]
) -> None:
    answer = client.post(filled(path, world), headers=invalid, json=body)
    assert (answer.status_code, answer.json()["code"]) == (401, "unauthorized")
    assert world.audited() == []


@pytest.mark.parametrize(("path", "body", "scope"), WRITES)
def test_nobody_may_do_anything_without_a_token(
    world: World, client: TestClient, path: str, body: object, scope: Scope
) -> None:
    answer = client.post(filled(path, world), json=body)
    assert answer.status_code == 401
    assert scope in answer.json()["detail"]


@pytest.mark.parametrize(("path", "body", "scope"), WRITES)
@pytest.mark.parametrize("held", list(Scope))
@pytest.mark.parametrize("private", [False, True])
def test_what_a_scope_lets_do(
    world: World, client: TestClient, path: str, body: object, scope: Scope, held: Scope, private: bool
) -> None:
    """403 without the scope; 404 for what may not be seen; else something that is no question of rights."""
    world.forge.suite_files[""] = b"suites: {unit: {image: a, run: b}}"
    address = filled(path, world, private=private)
    named = {**ORDER, "repository": "acme/secret"} if body is ORDER and private else body
    answer = client.post(address, headers=world.token(held), json=named)
    may = held in (scope, Scope.ADMIN)
    hidden = private and held is not Scope.ADMIN
    refused = {(False, False): 403, (False, True): 403, (True, True): 404}.get((may, hidden))
    assert answer.status_code == refused if refused else answer.status_code in (200, 201, 409)


@pytest.mark.parametrize("path", [one for one in READS if "{" in one])
@pytest.mark.parametrize(
    ("held", "sees"), [(Scope.READ, True), (Scope.ADMIN, True), (Scope.WRITE, False), (Scope.APPROVE, False)]
)
def test_private_things_are_there_for_those_that_may_read(
    world: World, client: TestClient, path: str, held: Scope, sees: bool
) -> None:
    answer = client.get(filled(path, world, private=True), headers=world.token(held))
    assert (answer.status_code != 404) is sees


@pytest.mark.parametrize("path", ["/", "/runs", "/builds", "/repositories", "/suites", "/environments"])
@pytest.mark.parametrize(("held", "sees"), [(Scope.READ, True), (Scope.WRITE, False)])
def test_lists_hold_what_may_be_seen(world: World, client: TestClient, path: str, held: Scope, sees: bool) -> None:
    world.finished(private=True)
    assert ("acme/secret" in client.get(path, headers=world.token(held)).text) is sees


def test_a_programs_live_log_is_its_tokens(world: World, client: TestClient) -> None:
    run = world.finished(b"hello", private=True)
    address, headers = f"/runs/{run.id}/logs", world.token(Scope.READ)
    with client.websocket_connect(address, headers=headers) as socket:
        assert socket.receive_bytes() == b"hello"
    wrong = {"authorization": headers["authorization"] + "x"}
    with pytest.raises(WebSocketDisconnect), client.websocket_connect(address, headers=wrong):
        pass


def test_a_token_that_is_revoked_meanwhile_hears_no_more(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.write(run, b"one")
    with client.websocket_connect(f"/runs/{run.id}/logs", headers=world.token(Scope.READ)) as socket:
        assert socket.receive_bytes() == b"one"
        access.revoke(world.app, "robot", actor="root")
        world.write(run, b"two")
        # What was being read when it was revoked may still come.
        with pytest.raises(WebSocketDisconnect) as ended:
            _ = [socket.receive_bytes() for _ in range(2)]
    assert ended.value.code == 1011


def test_what_a_proxy_asked_for_is_not_ours(world: World, client: TestClient) -> None:
    assert client.get("/runs", headers={"authorization": "Basic cm9vdDpyb290"}).status_code == 200


def test_a_page_of_another_site_can_not_write_in_somebodys_name(world: World, client: TestClient) -> None:
    run = world.finished()
    headers = {"origin": "https://evil.example", "cookie": "session=1", "content-type": "text/plain"}
    assert client.post(f"/runs/{run.id}/cancel", headers=headers).status_code == 401
    ours = {**world.token(Scope.WRITE), "content-type": "text/plain"}
    assert client.post("/runs", headers=ours, content='{"repository": "acme/hello"}').status_code == 422

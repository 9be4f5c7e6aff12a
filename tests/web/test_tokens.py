"""Tokens of people and of repositories, and tickets: never more than their owners may, and not for longer."""

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

import pytest
from starlette.testclient import TestClient
from starlette.websockets import WebSocketDisconnect

from bot.app import access, own_tokens, tickets
from bot.domain.refs import Person
from bot.domain.tokens import Bound, Scope
from bot.web.asgi import make_asgi
from tests.builders import SHA
from tests.fakes.forge import ANA, STAN
from tests.fakes.signin import FakeSignIn
from tests.web.conftest import GITHUB, World
from tests.web.test_live import follow
from tests.web.test_signin import key_of, sign_in

OLGA = Person(77, "olga")
ORDER = {"repository": "acme/hello", "sha": SHA}


@pytest.fixture
def door() -> FakeSignIn:
    return FakeSignIn()


@pytest.fixture
def world(world: World, door: FakeSignIn) -> World:
    rules = replace(world.app.rules, admins=frozenset({f"github:{OLGA.id}"}))
    world.app = replace(world.app, sign_ins={GITHUB: door}, rules=rules)
    world.forge.suite_files[""] = b"suites: {unit: {image: a, run: b}}"
    world.repository()
    return world


@pytest.fixture
def browser(world: World) -> Iterator[TestClient]:
    asgi = make_asgi(world.app, world.watch)
    with TestClient(asgi, follow_redirects=False, base_url="https://ci.example.org") as client:
        yield client


def of(world: World, person: Person, *scopes: Scope, days: int = 30) -> dict[str, str]:
    """The header of a token of theirs."""
    text = access.create(
        world.app,
        f"n{world.app.new_id()}",
        scopes,
        secret="s",  # a test's
        expires_at=world.app.now() + timedelta(days=days),
        actor=person.login,
        bound=Bound(forge=GITHUB, person=person),
    )
    return {"authorization": f"Bearer {text}"}


def test_a_person_makes_a_token_on_a_page_and_it_is_shown_once(
    world: World, browser: TestClient, door: FakeSignIn
) -> None:
    sign_in(browser, door)
    form = {"key": key_of(browser.get("/me/tokens").text), "name": "robot", "days": "30", "scope-runs:write": "on"}
    made = browser.post("/me/tokens", data=form)
    found = re.search(r"assay_\w+_[\w-]{43}", made.text)
    assert found
    assert made.headers["cache-control"] == "no-store"
    page = browser.get("/me/tokens").text
    assert ("robot" in page, found[0] in page) == (True, False)
    headers = {"authorization": f"Bearer {found[0]}"}
    browser.cookies.clear()
    told = browser.post("/runs", headers=headers, json=ORDER).json()
    assert (told["sender"], world.audited()[-1][0]) == ("ana", "ana by token:robot")
    (token,) = browser.get("/tokens", headers=headers).json()["tokens"]
    assert (token["name"], token["scopes"]) == ("robot", ["runs:write"])
    assert token["expires_at"]
    assert token["used_at"]
    assert browser.delete(f"/tokens/{token['id']}", headers=headers).status_code == 204
    assert browser.get("/tokens", headers=headers).status_code == 401


@pytest.mark.parametrize(
    ("change", "status"),
    [({"days": ""}, 400), ({"name": "a b"}, 400), ({"scope-admin": "on"}, 403), ({"key": "x"}, 403)],
)
def test_what_a_person_may_not_have_is_not_made(
    world: World, browser: TestClient, door: FakeSignIn, change: dict[str, str], status: int
) -> None:
    sign_in(browser, door)
    form = {"key": key_of(browser.get("/").text), "name": "robot", "days": "30", "scope-runs:read": "on", **change}
    assert browser.post("/me/tokens", data=form).status_code == status
    assert not access.tokens(world.app)


def test_rights_are_those_of_the_person_when_they_are_used(world: World, browser: TestClient) -> None:
    headers = of(world, ANA, Scope.READ, Scope.WRITE)
    run = world.finished()
    assert browser.post("/runs", headers=headers, json=ORDER).status_code == 201
    world.forge.writers.discard(ANA.id)
    assert browser.post(f"/runs/{run.id}/retest", headers=headers).status_code == 403
    secret = world.finished(private=True)
    world.forge.strangers.add(ANA.id)
    assert browser.get(f"/runs/{secret.id}", headers=headers).status_code == 404


def test_who_no_longer_runs_this_has_a_token_of_a_person(world: World, browser: TestClient) -> None:
    headers = of(world, OLGA, Scope.ADMIN)
    assert browser.get("/workers", headers=headers).status_code == 200
    object.__setattr__(world.app.rules, "admins", frozenset())
    assert browser.get("/workers", headers=headers).status_code == 403
    assert browser.get("/runs", headers=headers).status_code == 200


def test_a_token_makes_none_that_may_more_or_lasts_longer(world: World, browser: TestClient) -> None:
    headers = of(world, ANA, Scope.READ, days=3)
    over = browser.post("/tokens", headers=headers, json={"name": "more", "scopes": ["runs:write"]})
    assert over.status_code == 403
    made = browser.post("/tokens", headers=headers, json={"name": "same", "scopes": ["runs:read"], "days": 90})
    assert made.status_code == 201
    (first, second) = browser.get("/tokens", headers=headers).json()["tokens"]
    assert second["expires_at"] <= first["expires_at"]
    told = {"authorization": f"Bearer {made.json()['token']}"}
    assert browser.get("/runs", headers=told).status_code == 200


def test_nobody_ends_anothers_token(world: World, browser: TestClient) -> None:
    of(world, ANA, Scope.READ)
    (token,) = access.tokens(world.app)
    stranger = of(world, STAN, Scope.READ)
    assert browser.delete(f"/tokens/{token.id}", headers=stranger).status_code == 404
    assert browser.delete(f"/repositories/1/tokens/{token.id}", headers=world.token(Scope.ADMIN)).status_code == 404
    assert token in access.tokens(world.app)


def test_a_repositorys_token_is_good_there_alone(world: World, browser: TestClient) -> None:
    admin, secret = world.token(Scope.ADMIN), world.repository(private=True)
    there, elsewhere = world.finished(private=True), world.finished()
    order = {"name": "deploy", "scopes": ["runs:read", "runs:write"], "days": 10}
    made = browser.post(f"/repositories/{secret.id}/tokens", headers=admin, json=order)
    headers = {"authorization": f"Bearer {made.json()['token']}"}
    assert browser.get(f"/runs/{there.id}", headers=headers).status_code == 200
    assert browser.post(f"/runs/{there.id}/retest", headers=headers).status_code == 201
    assert browser.post(f"/runs/{elsewhere.id}/retest", headers=headers).status_code == 403
    assert [one["repository"] for one in browser.get("/runs", headers=headers).json()["runs"]].count(
        "acme/secret"
    ) == 2
    (listed,) = browser.get(f"/repositories/{secret.id}/tokens", headers=admin).json()["tokens"]
    assert listed["id"] == made.json()["id"]
    assert made.json()["token"] not in str(listed)
    assert browser.delete(f"/repositories/{secret.id}/tokens/{listed['id']}", headers=admin).status_code == 204
    assert browser.get(f"/runs/{there.id}", headers=headers).status_code == 401


@pytest.mark.parametrize("order", [{"scopes": ["admin"]}, {"scopes": ["suites:write"]}])
def test_a_repositorys_token_is_about_nothing_else(
    world: World, browser: TestClient, order: dict[str, object]
) -> None:
    answer = browser.post("/repositories/1/tokens", headers=world.token(Scope.ADMIN), json={"name": "a", **order})
    assert answer.status_code == 403


@pytest.mark.parametrize("order", [{"scopes": []}, {"days": 0}, {"days": own_tokens.LONGEST + 1}, {"name": "a b"}])
def test_what_can_be_no_token_is_not_made(world: World, browser: TestClient, order: dict[str, object]) -> None:
    body = {"name": "a", "scopes": ["runs:read"], **order}
    assert browser.post("/tokens", headers=of(world, ANA, Scope.READ), json=body).status_code == 422


def test_a_ticket_opens_the_live_log_of_its_run_once(world: World, browser: TestClient) -> None:
    run, other = world.finished(b"hello", private=True), world.finished(b"other", private=True)
    made = browser.post(f"/runs/{run.id}/logs/ticket", headers=world.token(Scope.READ))
    assert (made.status_code, made.headers["cache-control"]) == (201, "no-store")
    address = f"/runs/{run.id}/logs?ticket={made.json()['ticket']}"
    for wrong in (address.replace(run.id, other.id), address + "x", f"/runs/{run.id}/logs?ticket="):
        with pytest.raises(WebSocketDisconnect) as refused, browser.websocket_connect(wrong):
            pass
        assert refused.value.code == 1008
    with (
        pytest.raises(WebSocketDisconnect),
        browser.websocket_connect(address, headers={"origin": "https://evil.example"}),
    ):
        pass
    assert follow(browser, address) == b"hello"
    with pytest.raises(WebSocketDisconnect), browser.websocket_connect(address):
        pass


def test_a_ticket_is_good_for_seconds_and_as_long_as_its_token(
    world: World, browser: TestClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    run, headers = world.finished(b"hello", private=True), world.token(Scope.READ)
    revoked = browser.post(f"/runs/{run.id}/logs/ticket", headers=headers).json()["ticket"]
    monkeypatch.setattr(tickets, "LASTS", 0)
    late = browser.post(f"/runs/{run.id}/logs/ticket", headers=headers).json()["ticket"]
    access.revoke(world.app, "robot", actor="root")
    for ticket in (late, revoked):
        with pytest.raises(WebSocketDisconnect), browser.websocket_connect(f"/runs/{run.id}/logs?ticket={ticket}"):
            pass


def test_a_ticket_is_for_who_may_read_and_has_a_token(world: World, browser: TestClient) -> None:
    secret, run = world.finished(private=True), world.finished()
    assert browser.post(f"/runs/{secret.id}/logs/ticket", headers=of(world, STAN, Scope.WRITE)).status_code == 404
    assert browser.post(f"/runs/{run.id}/logs/ticket").status_code == 401

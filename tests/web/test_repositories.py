"""Repositories over the API: registered, looked at, taken away; and what their webhooks are answered."""

from dataclasses import replace

import pytest
from starlette.testclient import TestClient

from bot.domain.errors import NotAllowed
from bot.domain.events import Ignored, RefDeleted
from bot.domain.refs import ForgeName
from bot.domain.tokens import Scope
from bot.web.asgi import make_asgi
from bot.web.throttle import Throttle, TooFast
from tests.fakes.forge import HELLO
from tests.fakes.webhooks import FakeWebhooks
from tests.web.conftest import World

ORDER = {"repository": "github:acme/hello"}
EVENT = RefDeleted(repository=HELLO, branch="topic", tag=None)


@pytest.fixture
def webhooks(world: World) -> FakeWebhooks:
    """Known to the app, which the client's server is made of."""
    made = FakeWebhooks()
    world.app = replace(world.app, webhooks={ForgeName("github"): made})
    return made


@pytest.fixture
def client(world: World, webhooks: FakeWebhooks) -> TestClient:
    asgi = make_asgi(world.app, world.watch)
    return TestClient(asgi, follow_redirects=False, base_url="http://anything.test")


@pytest.fixture
def admin(world: World) -> dict[str, str]:
    return world.token(Scope.REPOSITORIES)


def made(client: TestClient, admin: dict[str, str]) -> str:
    """The path of a new webhook."""
    url: str = client.post("/repositories", json=ORDER, headers=admin).json()["webhook"]["url"]
    return url.removeprefix("https://ci.example.org")


def test_a_repository_is_added_once(client: TestClient, webhooks: FakeWebhooks, admin: dict[str, str]) -> None:
    first = client.post("/repositories", json=ORDER, headers=admin)
    second = client.post("/repositories", json=ORDER, headers=admin)

    assert (first.status_code, second.status_code, len(webhooks.hooks)) == (201, 200, 1)
    assert first.headers["location"] == "https://ci.example.org/repositories/1"
    assert first.json()["webhook"]["url"] == webhooks.hooks[501].url
    assert webhooks.hooks[501].secret not in first.text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/repositories"),
        ("GET", "/repositories/1"),
        ("DELETE", "/repositories/1"),
        ("POST", "/repositories/1/rotate-secret"),
        ("POST", "/repositories/1/test"),
    ],
)
def test_all_of_it_needs_the_scope(client: TestClient, world: World, method: str, path: str) -> None:
    world.repository()
    body = ORDER if path == "/repositories" else None
    writer = world.token(Scope.READ, Scope.WRITE)

    assert client.request(method, path, json=body).status_code == 401
    assert client.request(method, path, json=body, headers=writer).status_code == 403


def test_a_missing_right_is_told_in_the_forges_words(
    client: TestClient, webhooks: FakeWebhooks, admin: dict[str, str]
) -> None:
    webhooks.broken.append(NotAllowed("it needs the scope admin:repo_hook"))

    answer = client.post("/repositories", json=ORDER, headers=admin)

    assert (answer.status_code, answer.json()["detail"]) == (409, "it needs the scope admin:repo_hook")


@pytest.mark.parametrize("name", ["hello", "github:acme/../x", "a b/c", "github:acme/hello?x"])
def test_a_name_that_can_be_none_is_refused(client: TestClient, admin: dict[str, str], name: str) -> None:
    assert client.post("/repositories", json={"repository": name}, headers=admin).status_code == 422


def test_a_secret_is_changed_and_a_webhook_taken_away(
    client: TestClient, webhooks: FakeWebhooks, admin: dict[str, str]
) -> None:
    client.post("/repositories", json=ORDER, headers=admin)
    before = webhooks.hooks[501].secret

    assert client.post("/repositories/1/rotate-secret", headers=admin).status_code == 200
    assert webhooks.hooks[501].secret != before
    assert client.delete("/repositories/1", headers=admin).status_code == 204
    assert webhooks.hooks == {}
    assert client.delete("/repositories/1", headers=admin).status_code == 409
    assert client.get("/repositories/1", headers=admin).json()["webhook"] is None


def test_a_call_of_a_webhook_is_answered_like_one_of_the_installation(
    client: TestClient, world: World, webhooks: FakeWebhooks, admin: dict[str, str]
) -> None:
    path = (
        client.post("/repositories", json=ORDER, headers=admin).json()["webhook"]["url"].removeprefix(world.app.url)
    )
    proof = {"signature": webhooks.hooks[501].secret, "id": "d1"}
    elsewhere = replace(EVENT, repository=replace(HELLO, forge_id=999))

    stored = client.post(path, content=world.forge.delivery(EVENT), headers=proof)
    ignored = client.post(path, content=world.forge.delivery(Ignored("ping")), headers=proof | {"id": "d2"})
    strange = client.post(path, content=world.forge.delivery(elsewhere), headers=proof | {"id": "d3"})

    assert (stored.status_code, stored.json()) == (202, {"status": "stored"})
    assert (ignored.status_code, ignored.json()) == (200, {"status": "ignored", "reason": "ping"})
    assert (strange.status_code, strange.json()["reason"]) == (200, "repository mismatch")


@pytest.mark.parametrize("path", ["github/{id}", "github/nothing", "gitlab/{id}", "nothing/{id}", "github/%00"])
def test_whatever_is_wrong_with_a_call_is_answered_alike(
    client: TestClient, admin: dict[str, str], path: str
) -> None:
    hook = made(client, admin).rpartition("/")[2]

    answer = client.post(f"/webhooks/{path.format(id=hook)}", content=b"{}", headers={"signature": "right"})

    assert (answer.status_code, answer.json()) == (401, {"error": "unauthorized"})


def test_a_webhook_that_calls_too_often_is_told_when_to_come_back(
    client: TestClient, world: World, webhooks: FakeWebhooks, admin: dict[str, str]
) -> None:
    path = (
        client.post("/repositories", json=ORDER, headers=admin).json()["webhook"]["url"].removeprefix(world.app.url)
    )
    body = world.forge.delivery(Ignored("ping"))
    proof = {"signature": webhooks.hooks[501].secret, "id": "d1"}
    answers = [client.post(path, content=body, headers=proof) for _ in range(301)]

    assert {one.status_code for one in answers[:300]} == {200}
    assert (answers[300].status_code, answers[300].headers["retry-after"]) == (429, "1")
    assert client.post("/webhooks/github", content=body, headers={"signature": "right"}).status_code == 200


def test_a_throttle_keeps_keys_apart_and_forgives_with_time() -> None:
    now = [0.0]
    throttle = Throttle(lambda: now[0], per_second=1.0, burst=2.0)
    for key in ("a", "a", "b"):
        throttle.admit(key)

    with pytest.raises(TooFast):
        throttle.admit("a")
    now[0] += 1.0
    throttle.admit("a")
    with pytest.raises(TooFast):
        throttle.admit("a")


def test_a_private_repository_is_not_there_for_who_may_not_read_it(
    client: TestClient, world: World, webhooks: FakeWebhooks, admin: dict[str, str]
) -> None:
    number = world.repository(private=True).id
    world.forge.seen = replace(HELLO, private=True)

    assert client.get(f"/repositories/{number}", headers=admin).status_code == 404
    assert client.post("/repositories", json=ORDER, headers=admin).status_code == 404
    assert webhooks.hooks == {}
    reader = world.token(Scope.REPOSITORIES, Scope.READ, name="reader")
    assert client.get(f"/repositories/{number}", headers=reader).status_code == 200
    assert client.post("/repositories", json=ORDER, headers=reader).status_code == 201


def test_rules_of_a_repository_are_set_and_shown(
    client: TestClient, webhooks: FakeWebhooks, admin: dict[str, str]
) -> None:
    client.post("/repositories", json=ORDER, headers=admin)
    wanted = {"rules": {"fork_policy": "first-time", "memory_max": "1GiB"}}

    answer = client.patch("/repositories/1", json=wanted, headers=admin)

    assert (answer.status_code, answer.json()["rules"]) == (
        200,
        {"fork_policy": "first-time", "memory_max": "1073741824"},
    )
    assert client.patch("/repositories/1", json={"rules": {"fork_policy": "x"}}, headers=admin).status_code == 422
    assert client.patch("/repositories/1", json=wanted).status_code == 401

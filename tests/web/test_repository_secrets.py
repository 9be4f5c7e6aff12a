"""Secrets over the API: what is written is never told."""

import pytest
from starlette.testclient import TestClient

from bot.app import secrets
from bot.domain.runs import Trust
from bot.domain.tokens import Scope
from tests.web.conftest import World

VALUE = "tell-nobody"


def address(world: World, *, private: bool = False) -> str:
    return f"/repositories/{world.repository(private=private).id}/secrets"


def test_a_secret_is_written_and_listed_without_its_value(world: World, client: TestClient) -> None:
    headers, path = world.token(Scope.REPOSITORIES), address(world)
    written = client.put(f"{path}/TOKEN", headers=headers, json={"value": VALUE})
    assert (written.status_code, written.content) == (204, b"")
    listed = client.get(path, headers=headers)
    (one,) = listed.json()["secrets"]
    assert (one["name"], one["actor"]) == ("TOKEN", "token:robot")
    assert VALUE not in listed.text
    got = secrets.secrets_for(world.app, world.repository().id, ["TOKEN"], Trust.TRUSTED)
    assert got.values == {"TOKEN": VALUE}
    assert world.audited() == [("token:robot", "set secret", "secret:TOKEN", "")]


def test_a_secret_is_forgotten(world: World, client: TestClient) -> None:
    headers, path = world.token(Scope.REPOSITORIES), address(world)
    client.put(f"{path}/TOKEN", headers=headers, json={"value": VALUE})
    assert [client.delete(f"{path}/TOKEN", headers=headers).status_code for _ in range(2)] == [204, 404]
    assert client.get(path, headers=headers).json() == {"secrets": []}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("TOKEN", {"value": "ab"}),
        ("TOKEN", {"value": VALUE * 4000}),
        ("TOKEN", {"value": VALUE, "more": 1}),
        ("TOKEN", {"value": [VALUE]}),
        ("PATH", {"value": VALUE}),
        ("token", {"value": VALUE}),
    ],
)
def test_a_refusal_does_not_repeat_the_value(world: World, client: TestClient, name: str, body: object) -> None:
    answer = client.put(f"{address(world)}/{name}", headers=world.token(Scope.REPOSITORIES), json=body)
    assert answer.status_code == 422
    assert VALUE not in answer.text


@pytest.mark.parametrize("held", [None, *Scope])
@pytest.mark.parametrize("private", [False, True])
def test_secrets_are_for_those_who_look_after_repositories(
    world: World, client: TestClient, held: Scope | None, private: bool
) -> None:
    headers, path = world.token(held) if held else {}, address(world, private=private)
    answers = [
        client.get(path, headers=headers).status_code,
        client.put(f"{path}/TOKEN", headers=headers, json={"value": VALUE}).status_code,
        client.delete(f"{path}/TOKEN", headers=headers).status_code,
    ]
    done = [404] * 3 if private else [200, 204, 204]
    assert answers == {None: [401] * 3, Scope.REPOSITORIES: done, Scope.ADMIN: [200, 204, 204]}.get(held, [403] * 3)

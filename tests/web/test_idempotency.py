"""POST /runs with an Idempotency-Key: the same order is granted once (RELIABILITY §6.6, S117)."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import pytest
import sqlalchemy as sa
from starlette.testclient import TestClient

from bot.app import starting
from bot.domain.tokens import Scope
from tests.builders import OLDER, SHA
from tests.web.conftest import World

BODY = {"repository": "acme/hello", "sha": SHA, "suite": "unit"}


@pytest.fixture(autouse=True)
def suites(world: World) -> None:
    world.repository()
    world.forge.suite_files[""] = b"suites: {unit: {image: a, run: b}, lint: {image: a, run: b}}"


@pytest.fixture
def caller(world: World) -> dict[str, str]:
    return {**world.token(Scope.WRITE), "idempotency-key": "one"}


def count(world: World) -> int:
    with world.app.work() as work:
        return len(work.builds.recent(100))


def test_the_same_order_gets_the_same_build(world: World, client: TestClient, caller: dict[str, str]) -> None:
    first, second = (client.post("/runs", headers=caller, json=BODY) for _ in range(2))
    assert (first.status_code, second.status_code) == (201, 200)
    assert first.json() == second.json()
    assert count(world) == 1
    assert len(world.audited()) == 1


def test_it_gets_it_also_when_the_forge_is_out_of_reach_and_the_build_was_superseded(
    world: World, client: TestClient, caller: dict[str, str]
) -> None:
    first = client.post("/runs", headers=caller, json=BODY).json()
    client.post("/runs", headers={**caller, "idempotency-key": "two"}, json=BODY)
    world.forge.trouble["commit"] = [RuntimeError("must not be asked")]
    again = client.post("/runs", headers=caller, json=BODY)
    assert (again.status_code, again.json()["number"]) == (200, first["number"])


@pytest.mark.parametrize("change", [{"suite": "lint"}, {"sha": OLDER}, {"ref": "topic"}, {"suite": ["unit", "lint"]}])
def test_another_order_under_the_key_is_a_conflict(
    world: World, client: TestClient, caller: dict[str, str], change: dict[str, object]
) -> None:
    client.post("/runs", headers=caller, json=BODY)
    answer = client.post("/runs", headers=caller, json={**BODY, **change})
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert count(world) == 1


def test_how_the_body_is_written_does_not_matter(world: World, client: TestClient, caller: dict[str, str]) -> None:
    client.post("/runs", headers=caller, json=BODY)
    text = f' {{"suite": ["unit"],\n"sha": "{SHA}", "ref": null, "repository":"acme/hello"}}'
    answer = client.post("/runs", headers={**caller, "content-type": "application/json"}, content=text)
    assert answer.status_code == 200


def test_keys_of_other_tokens_are_other_keys(world: World, client: TestClient, caller: dict[str, str]) -> None:
    other = {**world.token(Scope.WRITE, name="other"), "idempotency-key": "one"}
    assert client.post("/runs", headers=caller, json=BODY).status_code == 201
    assert client.post("/runs", headers=other, json=BODY).status_code == 201


def test_an_order_that_was_refused_leaves_its_key_free(client: TestClient, caller: dict[str, str]) -> None:
    assert client.post("/runs", headers=caller, json={**BODY, "suite": "unti"}).status_code == 422
    assert client.post("/runs", headers=caller, json=BODY).status_code == 201


def test_a_day_later_the_key_is_free(
    world: World, client: TestClient, caller: dict[str, str], engine: sa.Engine
) -> None:
    client.post("/runs", headers=caller, json=BODY)
    with engine.begin() as connection:
        connection.execute(sa.text("UPDATE call SET at = at - 86401"))
    assert client.post("/runs", headers=caller, json={**BODY, "suite": "lint"}).status_code == 201
    assert count(world) == 2


def test_a_crash_before_the_answer_starts_nothing_twice(
    world: World, client: TestClient, caller: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    begin = starting.start

    def start_and_die(*given: object) -> None:
        begin(*given)  # type: ignore[arg-type]  # whatever it was called with
        raise RuntimeError("killed")

    monkeypatch.setattr(starting, "start", start_and_die)
    assert client.post("/runs", headers=caller, json=BODY).status_code == 500
    monkeypatch.undo()
    answer = client.post("/runs", headers=caller, json=BODY)
    assert (answer.status_code, count(world)) == (200, 1)


def test_a_crash_before_the_start_lets_it_be_started(
    world: World, client: TestClient, caller: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def die(*_: object) -> None:
        raise RuntimeError("killed")

    monkeypatch.setattr(starting, "start", die)
    assert client.post("/runs", headers=caller, json=BODY).status_code == 500
    monkeypatch.undo()
    assert client.post("/runs", headers=caller, json={**BODY, "suite": "lint"}).status_code == 409
    assert client.post("/runs", headers=caller, json=BODY).status_code == 201


def test_many_at_once_are_one(world: World, client: TestClient, caller: dict[str, str]) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/runs", headers=caller, json=BODY), range(8)))
    assert sorted(one.status_code for one in answers) == [200] * 7 + [201]
    assert len({one.json()["number"] for one in answers}) == 1
    assert count(world) == 1


@pytest.mark.parametrize("key", ["", "x" * 256])
def test_a_key_has_a_length(client: TestClient, caller: dict[str, str], key: str) -> None:
    assert client.post("/runs", headers={**caller, "idempotency-key": key}, json=BODY).status_code == 422


def test_a_build_that_may_not_be_seen_is_not_told_again(
    world: World, client: TestClient, caller: dict[str, str]
) -> None:
    client.post("/runs", headers=caller, json=BODY)
    with world.app.work() as work:
        work.repositories.update(replace(world.forge.seen, private=True))
    assert client.post("/runs", headers=caller, json=BODY).status_code == 404

"""What waits, who works, who did what: over the API."""

import pytest
from starlette.testclient import TestClient

from bot.domain.tokens import Scope
from tests.web.conftest import World


def test_the_queue_shows_the_oldest_first(world: World, client: TestClient) -> None:
    build = world.build()
    first, second = world.run(build, "one"), world.run(build, "two")
    world.running(build, "three")
    told = client.get("/queue").json()
    assert (told["length"], [row["id"] for row in told["runs"]]) == (2, [first.id, second.id])
    assert len(client.get("/queue?limit=1").json()["runs"]) == 1


def test_of_a_private_run_in_the_queue_others_learn_the_number_alone(world: World, client: TestClient) -> None:
    world.run(world.build(private=True))
    assert client.get("/queue").json() == {"length": 1, "runs": []}
    assert len(client.get("/queue", headers=world.token(Scope.READ)).json()["runs"]) == 1


@pytest.mark.parametrize("scope", [None, *Scope])
def test_who_works_is_for_the_operator(world: World, client: TestClient, scope: Scope | None) -> None:
    answer = client.get("/workers", headers=world.token(scope) if scope else {})
    assert answer.status_code == {None: 401, Scope.ADMIN: 200}.get(scope, 403)


def test_a_worker_has_the_runs_that_it_holds(world: World, client: TestClient) -> None:
    run = world.running(world.build())
    world.finished()
    (worker,) = client.get("/workers", headers=world.token(Scope.ADMIN)).json()["workers"]
    assert (worker["name"], [row["id"] for row in worker["runs"]]) == ("worker", [run.id])


def test_the_audit_can_be_read_page_by_page(world: World, client: TestClient) -> None:
    repository = world.repository()
    for number in range(3):
        with world.app.work() as work:
            work.audit.add(
                repository=repository.id, actor="ana", action="cancel", subject=f"build:{number}", detail="unit"
            )
    first = client.get("/audit/entries?limit=2").json()
    assert [row["subject"] for row in first["entries"]] == ["build:2", "build:1"]
    assert (first["entries"][0]["actor"], first["entries"][0]["repository"]) == ("ana", "acme/hello")
    rest = client.get(f"/audit/entries?limit=2&before={first['next']}").json()
    assert ([row["subject"] for row in rest["entries"]], rest["next"]) == (["build:0"], None)


def test_what_is_of_no_repository_is_told_to_an_admin_alone(world: World, client: TestClient) -> None:
    admin = world.token(Scope.ADMIN)
    (entry,) = client.get("/audit/entries", headers=admin).json()["entries"]
    assert (entry["action"], entry["repository"]) == ("create token", None)
    assert client.get("/audit/entries").json()["entries"] == []


def test_the_artifacts_of_a_build_are_those_of_its_runs(world: World, client: TestClient) -> None:
    build = world.build()
    for suite in ("unit", "lint"):
        world.leave(world.running(build, suite), {f"{suite}.txt": b"kept"})
    rows = client.get(f"/builds/{build.id}/artifacts").json()["artifacts"]
    assert [(row["suite"], row["path"]) for row in rows] == [
        ("unit", "out/pipe"),
        ("unit", "unit.txt"),
        ("lint", "lint.txt"),
        ("lint", "out/pipe"),
    ]
    assert client.get(rows[1]["url"].removeprefix("https://ci.example.org")).content == b"kept"
